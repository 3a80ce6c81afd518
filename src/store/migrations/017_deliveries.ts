import type { Kysely } from "kysely";

/** Triggers of functions, the next times of schedules, and the deliveries of webhooks. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("triggers")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("function_id", "text", (c) => c.notNull().references("functions.id"))
    .addColumn("display_name", "text", (c) => c.notNull())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("paused", "integer", (c) => c.notNull())
    .addColumn("volume_id", "text")
    .addColumn("settings", "text", (c) => c.notNull())
    .addColumn("listener_id", "text")
    .addColumn("slug", "text")
    .addColumn("host", "text")
    .addColumn("sealed_secret", "blob")
    .addColumn("sealed_old_secret", "blob")
    .addColumn("old_secret_until", "text")
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("updated_at", "text", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("triggers_of_function").on("triggers")
    .columns(["function_id", "display_name"]).unique().execute();
  for (const column of ["listener_id", "slug", "host"]) {
    await db.schema.createIndex(`triggers_by_${column}`).on("triggers").column(column).unique()
      .execute();
  }
  await db.schema.createTable("schedules")
    .addColumn("trigger_id", "text", (c) => c.primaryKey())
    .addColumn("next_at", "text")
    .addColumn("last_at", "text")
    .addColumn("last_invocation_id", "text")
    .addColumn("last_reason", "text")
    .execute();
  await db.schema.createIndex("schedules_by_time").on("schedules").column("next_at").execute();
  await db.schema.createTable("deliveries")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("trigger_id", "text", (c) => c.notNull())
    .addColumn("received_at", "text", (c) => c.notNull())
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("invocation_id", "text")
    .addColumn("reason", "text")
    .addColumn("event_id", "text")
    .execute();
  await db.schema.createIndex("deliveries_of_trigger").on("deliveries")
    .columns(["trigger_id", "id"]).execute();
  await db.schema.createIndex("deliveries_of_event").on("deliveries")
    .columns(["trigger_id", "event_id"]).unique().execute();
  await db.schema.createIndex("deliveries_by_time").on("deliveries").column("received_at")
    .execute();
}
