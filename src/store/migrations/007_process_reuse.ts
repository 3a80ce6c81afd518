import { type Kysely, sql } from "kysely";

/** Renames `isolation: fresh|shared` to `process_reuse` with the values of the API. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ["functions", "invocations"]) {
    await db.schema.alterTable(table).renameColumn("isolation", "process_reuse").execute();
    await sql`update ${sql.table(table)} set process_reuse =
      case process_reuse when 'shared' then 'PROCESS_REUSE_SEQUENTIAL' else 'PROCESS_REUSE_NONE' end`
      .execute(db);
  }
}
