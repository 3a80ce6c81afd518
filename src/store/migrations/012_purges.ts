import { type Kysely, sql } from "kysely";

/** What was purged, by whom and when, what is still to be erased, and the retention of a function. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("purges")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("function_id", "text", (c) => c.references("functions.id"))
    .addColumn("before", "text")
    // Without a foreign key: an open commit goes when it expires.
    .addColumn("commit_id", "text")
    .addColumn("path", "text")
    .addColumn("purged_at", "text", (c) => c.notNull())
    .addColumn("purged_by", "text", (c) => c.notNull())
    .addColumn("finished_at", "text")
    .addColumn("invocations", "integer", (c) => c.notNull())
    .addColumn("files", "integer", (c) => c.notNull())
    .addColumn("bytes", "integer", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("purges_of_function").on("purges")
    .columns(["function_id", "id"]).execute();
  await db.schema.createIndex("purges_unfinished").on("purges").column("id")
    .where(sql<boolean>`finished_at is null`).execute();
  await db.schema.createTable("purge_marks")
    .addColumn("function_id", "text", (c) => c.primaryKey().references("functions.id"))
    .addColumn("last_id", "text", (c) => c.notNull())
    .execute();
  await db.schema.createTable("purged_blobs")
    .addColumn("digest", "text", (c) => c.primaryKey())
    .execute();
  await db.schema.alterTable("functions").addColumn("retention_ms", "integer").execute();
  await db.schema.createIndex("functions_with_retention").on("functions").column("id")
    .where(sql<boolean>`retention_ms is not null`).execute();
  await db.schema.alterTable("commits").addColumn("purged_at", "text").execute();
  await db.schema.alterTable("commits").addColumn("purged_by", "text").execute();
  await freeIdempotencyKeys(db);
}

/**
 * Creates the idempotency keys anew without their foreign key: a key outlives a purged invocation, so that a repeated
 * request does not run again, and the deletion of an invocation does not look through all keys.
 */
async function freeIdempotencyKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("free_idempotency_keys")
    .addColumn("principal_id", "text", (c) => c.notNull())
    .addColumn("function_id", "text", (c) => c.notNull())
    .addColumn("key", "text", (c) => c.notNull())
    .addColumn("invocation_id", "text", (c) => c.notNull())
    .addColumn("request_hash", "text", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    // PostgreSQL has one name space for the indexes of all tables, the dropped table's included.
    .addPrimaryKeyConstraint("free_idempotency_keys_pk", ["principal_id", "function_id", "key"])
    .execute();
  await sql`insert into free_idempotency_keys
    select principal_id, function_id, key, invocation_id, request_hash, created_at
    from idempotency_keys`.execute(db);
  await db.schema.dropTable("idempotency_keys").execute();
  await db.schema.alterTable("free_idempotency_keys").renameTo("idempotency_keys").execute();
  await db.schema.createIndex("idempotency_keys_by_age").on("idempotency_keys").column("created_at")
    .execute();
}
