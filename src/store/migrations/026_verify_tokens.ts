import type { Kysely } from "kysely";

/** The texts that handshakes of webhooks must have. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("triggers").addColumn("sealed_verify_token", "blob").execute();
}
