import type { Kysely } from "kysely";

/** The audit log with its exports: a chain of events, and its head, which is one row from the first event on. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("audit_events")
    .addColumn("seq", "integer", (c) => c.primaryKey())
    .addColumn("uid", "text", (c) => c.notNull().unique())
    .addColumn("time", "text", (c) => c.notNull())
    .addColumn("class_uid", "integer", (c) => c.notNull())
    .addColumn("actor", "text", (c) => c.notNull())
    .addColumn("actor_name", "text", (c) => c.notNull())
    .addColumn("operation", "text", (c) => c.notNull())
    .addColumn("verb", "text", (c) => c.notNull())
    .addColumn("event", "text", (c) => c.notNull())
    .addColumn("hash", "text", (c) => c.notNull())
    .execute();
  for (const column of ["time", "actor", "actor_name", "operation", "verb"]) {
    await db.schema.createIndex(`audit_events_by_${column}`).on("audit_events")
      .columns([column, "seq"]).execute();
  }
  await db.schema.createTable("audit_head")
    .addColumn("id", "integer", (c) => c.primaryKey())
    .addColumn("seq", "integer", (c) => c.notNull())
    .addColumn("uid", "text", (c) => c.notNull())
    .addColumn("hash", "text", (c) => c.notNull())
    .addColumn("base_seq", "integer", (c) => c.notNull())
    .addColumn("base_hash", "text", (c) => c.notNull())
    .execute();
  await addExports(db);
}

async function addExports(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("audit_exports")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("display_name", "text", (c) => c.notNull())
    .addColumn("datasource_id", "text", (c) => c.notNull())
    .addColumn("prefix", "text", (c) => c.notNull())
    .addColumn("format", "text", (c) => c.notNull())
    .addColumn("watermark_seq", "integer", (c) => c.notNull())
    .addColumn("watermark_uid", "text", (c) => c.notNull())
    .addColumn("file_bytes", "integer")
    .addColumn("failures", "integer", (c) => c.notNull())
    .addColumn("error", "text")
    .addColumn("due_at", "text", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("updated_at", "text", (c) => c.notNull())
    .addColumn("deleted_at", "text")
    .execute();
}
