import type { Kysely } from "kysely";

/** Whether processes of a function run one call after another, and whether that of an invocation did. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ["functions", "invocations"]) {
    await db.schema.alterTable(table)
      .addColumn("isolation", "text", (c) => c.notNull().defaultTo("fresh")).execute();
  }
}
