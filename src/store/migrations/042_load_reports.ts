import { type Kysely, sql } from "kysely";

/**
 * The setting `evaluation`, and what loading the script of a commit shows. Commits of earlier versions get their report
 * once they are published or invoked, so nothing is written here.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("functions").addColumn("evaluation", "text").execute();
  await db.schema.alterTable("commits").addColumn("load_state", "text").execute();
  await db.schema.alterTable("commits").addColumn("load_report", "text").execute();
  await db.schema.createIndex("commits_unloaded").on("commits").column("id")
    .where(sql<boolean>`load_state = 'PENDING'`).execute();
}
