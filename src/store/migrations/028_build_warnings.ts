import type { Kysely } from "kysely";

/** What builds warn of. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("commits").addColumn("warnings", "text").execute();
}
