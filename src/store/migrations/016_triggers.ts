import type { Kysely } from "kysely";

/**
 * What started an invocation, when it may start, when its attempts began and how they ended; and the invocations that
 * wait for their time.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("invocations")
    .addColumn("trigger_kind", "text", (c) => c.notNull().defaultTo("api")).execute();
  const texts = [
    "trigger_id",
    "not_before",
    "started_at",
    "earlier_attempts",
    "skip_reason",
    "retry_policy",
    "concurrency_key",
    "http",
  ];
  for (const name of texts) {
    await db.schema.alterTable("invocations").addColumn(name, "text").execute();
  }
  await db.schema.createTable("delayed_calls")
    .addColumn("invocation_id", "text", (c) => c.primaryKey())
    .addColumn("function_id", "text", (c) => c.notNull())
    .addColumn("due_at", "text", (c) => c.notNull())
    .addColumn("reason", "text", (c) => c.notNull())
    .addColumn("key", "text")
    .execute();
  await db.schema.createIndex("delayed_calls_due").on("delayed_calls").column("due_at").execute();
}
