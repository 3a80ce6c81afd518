import { type Kysely, sql } from "kysely";

/** Limits that earlier versions recorded as the only type error of a commit, with their reasons. */
const RECORDED_LIMITS = [
  ["the build needs more memory than its limit of %", "OUT_OF_MEMORY"],
  ["the build took longer than its limit of %", "TIMEOUT"],
] as const;

/** Why types were not checked. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("commits").addColumn("type_unchecked", "text").execute();
  for (const [message, reason] of RECORDED_LIMITS) {
    const unchecked = JSON.stringify({ reason, message: "the check reached one of its limits" });
    await sql`update commits
      set type_check = null, type_diagnostics = null, type_unchecked = ${unchecked}
      where type_check = 'CHECKED' and type_diagnostics like ${`[{"message":"${message}`}`
      .execute(db);
  }
}
