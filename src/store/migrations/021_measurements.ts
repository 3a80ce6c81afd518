import type { Kysely } from "kysely";

/** What invocations took. It is unknown for older ones. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const name of ["duration_micros", "cpu_micros"]) {
    await db.schema.alterTable("invocations").addColumn(name, "integer").execute();
  }
  await db.schema.alterTable("invocations").addColumn("measured", "text").execute();
}
