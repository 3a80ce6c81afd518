import type { Kysely } from "kysely";

/** The last committed transaction of each process that writes to PostgreSQL. With SQLite the table stays empty. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("last_writes")
    .addColumn("writer", "text", (c) => c.primaryKey())
    .addColumn("number", "integer", (c) => c.notNull())
    .addColumn("written_at", "text", (c) => c.notNull())
    .execute();
}
