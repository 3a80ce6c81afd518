import type { Kysely } from "kysely";

/** How often the invocations of a function start, and how many run at a time. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const texts = [
    "concurrency_key",
    "debounce",
    "rate_limit",
    "circuit_breaker_period",
    "circuit_breaker_paused_at",
  ];
  for (const name of texts) {
    await db.schema.alterTable("functions").addColumn(name, "text").execute();
  }
  for (const name of ["max_concurrency_per_key", "circuit_breaker_max"]) {
    await db.schema.alterTable("functions").addColumn(name, "integer").execute();
  }
  await db.schema.alterTable("delayed_calls").addColumn("since", "text").execute();
  await db.schema.createIndex("delayed_calls_function").on("delayed_calls")
    .columns(["function_id", "reason", "key"]).execute();
  await db.schema.createTable("rate_slots")
    .addColumn("function_id", "text", (c) => c.notNull())
    .addColumn("at", "text", (c) => c.notNull())
    .addColumn("invocation_id", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("rate_slots_pk", ["function_id", "at", "invocation_id"])
    .execute();
  await db.schema.createTable("run_counts")
    .addColumn("function_id", "text", (c) => c.notNull())
    .addColumn("bucket", "text", (c) => c.notNull())
    .addColumn("runs", "integer", (c) => c.notNull())
    .addPrimaryKeyConstraint("run_counts_pk", ["function_id", "bucket"])
    .execute();
}
