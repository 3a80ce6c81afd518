import { type Kysely, sql } from "kysely";

/**
 * Which HTTP functions answered with a status from 500 on, also of earlier invocations; and which publish a roll-back went
 * back to, which is not known of earlier ones.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("invocations")
    .addColumn("failed_answer", "integer", (c) => c.notNull().defaultTo(0)).execute();
  // Quotes inside of a JSON text are escaped, so nothing that a client sent looks like this member.
  await sql`update invocations set failed_answer = 1
    where status = 'SUCCESS' and http like '%,"status":5__,%'`.execute(db);
  // In the words of the search: successes cost nothing here.
  await sql`create index invocations_failed on invocations (function_id, id)
    where status = 'ERROR' or failed_answer = 1`.execute(db);
  await db.schema.alterTable("publishes").addColumn("restored_id", "text").execute();
}
