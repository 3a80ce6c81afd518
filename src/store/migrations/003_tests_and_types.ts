import { type Kysely, sql } from "kysely";

/** The build of a commit's tests, and the check of its types. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const column of ["test_script_digest", "test_source_map_digest", "test_lock_digest"]) {
    await db.schema.alterTable("commits").addColumn(column, "text").execute();
  }
  await db.schema.alterTable("commits").addColumn("type_check", "text").execute();
  await db.schema.alterTable("commits").addColumn("type_diagnostics", "text").execute();
  await db.schema.createIndex("commits_unchecked").on("commits").column("id")
    .where(sql<boolean>`type_check = 'PENDING'`).execute();
}
