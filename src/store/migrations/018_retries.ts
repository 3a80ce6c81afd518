import { type Kysely, sql } from "kysely";

/** The retry policy of a function, and the invocations that are parked as dead letters. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("functions").addColumn("retry_policy", "text").execute();
  await db.schema.alterTable("invocations").addColumn("parked_at", "text").execute();
  // Invocations that are not parked cost nothing here.
  await sql`create index invocations_parked on invocations (function_id, id)
    where parked_at is not null`.execute(db);
}
