import { type Kysely, sql } from "kysely";

/**
 * An index of invocations that run or failed, among any number of successes. Successes are left out: a list of them
 * needs no index, since most invocations succeed, and a successful invocation leaves no row in this index.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex("invocations_without_success").on("invocations")
    .columns(["function_id", "status", "id"]).where(sql.ref("status"), "<>", sql.lit("SUCCESS"))
    .execute();
}
