import type { Kysely } from "kysely";

/** Sessions of people, which their provider confirms, and of the server's host. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ["session_links", "console_sessions"]) {
    await db.schema.alterTable(table)
      .addColumn("kind", "text", (c) => c.notNull().defaultTo("client")).execute();
  }
  await db.schema.createTable("session_confirmations")
    .addColumn("session_id", "text", (c) => c.primaryKey())
    .addColumn("confirmed_at", "text", (c) => c.notNull())
    .addColumn("confirm_after", "text", (c) => c.notNull())
    .addColumn("asking_ends_at", "text")
    .addColumn("sealed_tokens", "blob", (c) => c.notNull())
    .execute();
}
