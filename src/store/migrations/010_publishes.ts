import { type Kysely, sql } from "kysely";

/**
 * The history of publishes. A commit that is published already gets an entry, with its own id as that of the entry; when
 * and by whom it was published is not known.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("publishes")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("function_id", "text", (c) => c.notNull().references("functions.id"))
    .addColumn("commit_id", "text", (c) => c.references("commits.id"))
    .addColumn("previous_commit_id", "text", (c) => c.references("commits.id"))
    .addColumn("published_at", "text")
    .addColumn("published_by", "text")
    .execute();
  await db.schema.createIndex("publishes_of_function").on("publishes")
    .columns(["function_id", "id"]).execute();
  await sql`insert into publishes (id, function_id, commit_id)
    select published_commit_id, id, published_commit_id from functions
    where published_commit_id is not null`.execute(db);
}
