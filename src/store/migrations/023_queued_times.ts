import type { Kysely } from "kysely";

/** Which times of a schedule wait for an earlier run. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("schedules").addColumn("queued_to", "text").execute();
}
