import type { Kysely } from "kysely";

/** The pause of a restored server, and the last verification; each table has at most one row. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("pauses")
    .addColumn("id", "integer", (c) => c.primaryKey())
    .addColumn("since", "text", (c) => c.notNull())
    .addColumn("backup_at", "text", (c) => c.notNull())
    .execute();
  await db.schema.createTable("verifications")
    .addColumn("id", "integer", (c) => c.primaryKey())
    .addColumn("began_at", "text", (c) => c.notNull())
    .addColumn("ended_at", "text")
    .addColumn("damages", "text")
    .execute();
}
