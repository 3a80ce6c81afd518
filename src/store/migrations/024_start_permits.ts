import type { Kysely } from "kysely";

/**
 * The starts of the attempts that count against a rate limit, and the order of the invocations that wait for it. The
 * table `rate_slots` stays: while a cluster is upgraded, API nodes of the previous release still write to it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("start_permits")
    .addColumn("function_id", "text", (c) => c.notNull())
    .addColumn("invocation_id", "text", (c) => c.notNull())
    .addColumn("attempt", "integer", (c) => c.notNull())
    .addColumn("started_at", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("start_permits_pk", ["function_id", "invocation_id", "attempt"])
    .execute();
  await db.schema.createIndex("start_permits_start").on("start_permits")
    .columns(["function_id", "started_at"]).execute();
  await db.schema.createIndex("delayed_calls_line").on("delayed_calls")
    .columns(["function_id", "reason", "since"]).execute();
}
