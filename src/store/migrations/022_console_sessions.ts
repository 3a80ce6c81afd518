import type { Kysely } from "kysely";

/** Sessions of the console, and the codes of links that begin one. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("session_links")
    .addColumn("code_hash", "text", (c) => c.primaryKey())
    .addColumn("client_id", "text", (c) => c.notNull())
    .addColumn("expires_at", "text", (c) => c.notNull())
    .execute();
  await db.schema.createTable("console_sessions")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("token_hash", "text", (c) => c.notNull())
    .addColumn("principal_id", "text", (c) => c.notNull())
    .addColumn("client_id", "text", (c) => c.notNull())
    .addColumn("address", "text", (c) => c.notNull())
    .addColumn("user_agent", "text", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("expires_at", "text", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("console_sessions_by_token").on("console_sessions")
    .column("token_hash").unique().execute();
  await db.schema.createIndex("console_sessions_of_principal").on("console_sessions")
    .columns(["principal_id", "id"]).execute();
  for (const table of ["session_links", "console_sessions"]) {
    await db.schema.createIndex(`${table}_of_client`).on(table).column("client_id").execute();
    await db.schema.createIndex(`${table}_by_expiry`).on(table).column("expires_at").execute();
  }
}
