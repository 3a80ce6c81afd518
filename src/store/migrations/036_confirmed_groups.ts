import { type Kysely, sql } from "kysely";

/** When the provider last confirmed the groups of a person; null for principals without a provider. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("principals").addColumn("groups_confirmed_at", "text").execute();
  await sql`update principals set groups_confirmed_at = last_sign_in_at`.execute(db);
}
