import { type Kysely, sql } from "kysely";

/** What nodes that share the database know of each other: a count of changes, and the snapshots that each holds. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("changes")
    .addColumn("id", "integer", (c) => c.primaryKey())
    .addColumn("count", "integer", (c) => c.notNull())
    .execute();
  await sql`insert into changes (id, count) values (1, 0)`.execute(db);
  await db.schema.createTable("held_snapshots")
    .addColumn("node_id", "text", (c) => c.notNull())
    .addColumn("volume_id", "text", (c) => c.notNull())
    .addColumn("version", "integer", (c) => c.notNull())
    .addPrimaryKeyConstraint("held_snapshots_pk", ["node_id", "volume_id"])
    .execute();
}
