import type { Kysely } from "kysely";

/** When a key that signs access tokens begins to sign. Null for the keys before: they signed from the start. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("server_keys").addColumn("signs_from", "text").execute();
}
