import type { Kysely } from "kysely";

/** Adds the kind of process that ran an invocation. It is unknown for older ones. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("invocations").addColumn("process_kind", "text").execute();
}
