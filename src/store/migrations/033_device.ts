import type { Kysely } from "kysely";

/** Pending sign-ins of devices (RFC 8628). The table has hashes of their codes alone. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("device_codes")
    .addColumn("device_code_hash", "text", (c) => c.primaryKey())
    .addColumn("user_code_hash", "text", (c) => c.notNull())
    .addColumn("client_id", "text", (c) => c.notNull())
    .addColumn("scoped_roles", "text", (c) => c.notNull())
    .addColumn("address", "text", (c) => c.notNull())
    .addColumn("sender", "text", (c) => c.notNull())
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("principal_id", "text")
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("expires_at", "text", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("device_codes_by_user_code").on("device_codes")
    .column("user_code_hash").unique().execute();
  await db.schema.createIndex("device_codes_of_sender").on("device_codes")
    .column("sender").execute();
  await db.schema.createIndex("device_codes_by_expiry").on("device_codes")
    .column("expires_at").execute();
}
