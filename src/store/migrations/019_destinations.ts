import { type Kysely, sql } from "kysely";

/** The destinations of a function, and the ends of invocations on their way to them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const name of ["on_success", "on_failure"]) {
    await db.schema.alterTable("functions").addColumn(name, "text").execute();
  }
  await db.schema.alterTable("invocations")
    .addColumn("destination_depth", "integer", (c) => c.notNull().defaultTo(0)).execute();
  await db.schema.createTable("destination_secrets")
    .addColumn("function_id", "text", (c) => c.notNull())
    .addColumn("event", "text", (c) => c.notNull())
    .addColumn("sealed", "blob", (c) => c.notNull())
    .addPrimaryKeyConstraint("destination_secrets_pk", ["function_id", "event"])
    .execute();
  await db.schema.createTable("outbox")
    .addColumn("invocation_id", "text", (c) => c.primaryKey())
    .addColumn("function_id", "text", (c) => c.notNull())
    .addColumn("event", "text", (c) => c.notNull())
    .addColumn("target", "text", (c) => c.notNull())
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("attempts", "integer", (c) => c.notNull())
    .addColumn("due_at", "text", (c) => c.notNull())
    .addColumn("error", "text")
    .addColumn("started_id", "text")
    .addColumn("updated_at", "text", (c) => c.notNull())
    .execute();
  await sql`create index outbox_due on outbox (due_at) where state = 'PENDING'`.execute(db);
}
