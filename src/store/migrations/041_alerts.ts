import { type Kysely, sql } from "kysely";

/** The conditions that hold and the alerts that fire, and the one row that says how their posts go. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("alerts")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("subject", "text", (c) => c.notNull())
    .addColumn("labels", "text", (c) => c.notNull())
    .addColumn("summary", "text", (c) => c.notNull())
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("checks", "integer", (c) => c.notNull())
    .addColumn("starts_at", "text", (c) => c.notNull())
    .addColumn("calm_since", "text")
    .addColumn("ends_at", "text")
    .addColumn("checked_at", "text", (c) => c.notNull())
    .addColumn("is_posted", "integer", (c) => c.notNull())
    .execute();
  // Two nodes that check at the same time begin one alert.
  await sql`create unique index alerts_open on alerts (name, subject) where state <> 'ENDED'`
    .execute(db);
  await db.schema.createTable("alert_posts")
    .addColumn("id", "integer", (c) => c.primaryKey())
    .addColumn("attempts", "integer", (c) => c.notNull())
    .addColumn("due_at", "text", (c) => c.notNull())
    .addColumn("failing_since", "text")
    .addColumn("error", "text")
    .execute();
}
