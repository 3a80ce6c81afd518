import type { Kysely } from "kysely";

/**
 * The client whose session approves a device; null for a person and for devices of before. The clients that the device makes
 * keep the limits of this client.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("device_codes").addColumn("approver_client_id", "text").execute();
  await db.schema.alterTable("credentials").addColumn("approver_client_id", "text").execute();
}
