import { type Kysely, sql } from "kysely";

/**
 * The object store with the content of the installation; the table has at most one row. The content of earlier versions
 * is in the object store of NATS, if they made a key for objects.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("object_stores")
    .addColumn("id", "integer", (c) => c.primaryKey())
    .addColumn("address", "text", (c) => c.notNull())
    .execute();
  await sql`insert into object_stores (id, address)
    select distinct 1, 'jetstream' from server_keys where purpose = 'objects'`.execute(db);
}
