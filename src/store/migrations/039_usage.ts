import type { Kysely } from "kysely";

/** What invocations used, in sums by day, function and principal. */
export async function up(db: Kysely<unknown>): Promise<void> {
  let table = db.schema.createTable("usage")
    .addColumn("day", "text", (c) => c.notNull())
    .addColumn("function_id", "text", (c) => c.notNull())
    .addColumn("principal_id", "text", (c) => c.notNull())
    .addColumn("writer", "integer", (c) => c.notNull());
  for (
    const sum of [
      "invocations",
      "errors",
      "attempts",
      "cpu_micros",
      "wall_micros",
      "memory_mib_millis",
      "egress_bytes",
      "volume_bytes",
    ]
  ) table = table.addColumn(sum, "integer", (c) => c.notNull());
  await table.addPrimaryKeyConstraint("usage_pk", ["day", "function_id", "principal_id", "writer"])
    .execute();
}
