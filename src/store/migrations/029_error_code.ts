import { type Kysely, sql } from "kysely";

/** The characters of error codes. */
const CODE_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

/**
 * The error codes of invocations, also of earlier ones, whose errors begin with them. The column may be null in a failed
 * invocation: while a cluster is upgraded, API nodes of the release before record errors without it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("invocations").addColumn("error_code", "text").execute();
  // The first condition has the words of the partial index: successes cost nothing here.
  await sql`update invocations
    set error_code = substr(error, 1, length(error) - length(ltrim(error, ${CODE_CHARACTERS})))
    where (status = 'ERROR' or failed_answer = 1) and status = 'ERROR'`.execute(db);
}
