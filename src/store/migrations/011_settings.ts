import type { Kysely } from "kysely";

/**
 * Settings of functions, and the limits that were in force for commits and invocations. Null in a function is the
 * server's default; null in a commit or an invocation means that it is older than this migration.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ["functions", "commits", "invocations"]) {
    for (const column of ["timeout_ms", "cpu_time_ms", "memory_bytes", "max_concurrency"]) {
      await db.schema.alterTable(table).addColumn(column, "integer").execute();
    }
  }
  await db.schema.alterTable("functions").addColumn("volume_id", "text").execute();
  await db.schema.alterTable("functions")
    .addColumn("variables", "text", (c) => c.notNull().defaultTo("{}")).execute();
  await db.schema.alterTable("invocations").addColumn("variables", "text").execute();
}
