import type { Kysely } from "kysely";

/**
 * Drops the index of unfinished invocations, which each invocation wrote twice. The few invocations that have not ended
 * are found by function and status, in the index without successes.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropIndex("invocations_unfinished").execute();
}
