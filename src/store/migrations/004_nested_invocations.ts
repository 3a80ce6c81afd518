import type { Kysely } from "kysely";

/** The parent of an invocation, and its depth below the invocation over HTTP. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("invocations").addColumn("parent_invocation_id", "text").execute();
  await db.schema.alterTable("invocations")
    .addColumn("depth", "integer", (c) => c.notNull().defaultTo(0)).execute();
  await db.schema.createIndex("invocations_of_parent").on("invocations")
    .columns(["parent_invocation_id", "id"]).where("parent_invocation_id", "is not", null)
    .execute();
}
