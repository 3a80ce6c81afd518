import { type Kysely, sql } from "kysely";

/** Volumes, their versions and entries, small blobs, and the volume of an invocation. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("volumes")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("display_name", "text", (c) => c.notNull())
    .addColumn("quota_bytes", "integer", (c) => c.notNull())
    .addColumn("used_bytes", "integer", (c) => c.notNull())
    .addColumn("file_count", "integer", (c) => c.notNull())
    .addColumn("directory_count", "integer", (c) => c.notNull())
    .addColumn("version", "integer", (c) => c.notNull())
    .addColumn("oldest_version", "integer", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("updated_at", "text", (c) => c.notNull())
    .addColumn("deleted_at", "text")
    .execute();
  await db.schema.createTable("volume_versions")
    .addColumn("volume_id", "text", (c) => c.notNull().references("volumes.id"))
    .addColumn("version", "integer", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("invocation_id", "text")
    .addColumn("principal_id", "text")
    .addColumn("restored_version", "integer")
    .addColumn("paths", "text", (c) => c.notNull())
    .addColumn("path_count", "integer", (c) => c.notNull())
    .addPrimaryKeyConstraint("volume_versions_pk", ["volume_id", "version"])
    .execute();
  await db.schema.createTable("volume_entries")
    .addColumn("volume_id", "text", (c) => c.notNull().references("volumes.id"))
    .addColumn("path", "text", (c) => c.notNull())
    .addColumn("from_version", "integer", (c) => c.notNull())
    .addColumn("to_version", "integer")
    .addColumn("parent", "text", (c) => c.notNull())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("digest", "text")
    .addColumn("size", "integer", (c) => c.notNull())
    .addColumn("modified_at", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("volume_entries_pk", ["volume_id", "path", "from_version"])
    .execute();
  await db.schema.createIndex("volume_entries_of_directory").on("volume_entries")
    .columns(["volume_id", "parent", "path"]).execute();
  await db.schema.createIndex("volume_entries_ended").on("volume_entries")
    .columns(["volume_id", "to_version"]).where(sql<boolean>`to_version is not null`).execute();
  await db.schema.createIndex("volume_entries_of_content").on("volume_entries").column("digest")
    .where(sql<boolean>`digest is not null`).execute();
  await db.schema.createTable("small_contents")
    .addColumn("digest", "text", (c) => c.primaryKey())
    .addColumn("content", "blob", (c) => c.notNull())
    .execute();
  await db.schema.alterTable("invocations").addColumn("volume_id", "text").execute();
  await db.schema.alterTable("invocations").addColumn("volume_version_read", "integer").execute();
  await db.schema.alterTable("invocations").addColumn("volume_version_written", "integer")
    .execute();
}
