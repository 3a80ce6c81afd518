import { type Kysely, sql } from "kysely";

/**
 * Finds what runs and what failed among any number of successes. These are left out: most calls are, so that a list of
 * them finds one at every step, and a call writes the index twice and leaves nothing in it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex("invocations_without_success").on("invocations")
    .columns(["function_id", "status", "id"]).where(sql.ref("status"), "<>", sql.lit("SUCCESS"))
    .execute();
}
