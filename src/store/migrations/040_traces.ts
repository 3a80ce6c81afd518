import type { Kysely } from "kysely";

/** The trace that the caller of an invocation sent, null without one; and whether a function passes its trace on. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const column of ["traceparent", "tracestate"]) {
    await db.schema.alterTable("invocations").addColumn(column, "text").execute();
  }
  await db.schema.alterTable("functions")
    .addColumn("trace_fetch", "integer", (c) => c.notNull().defaultTo(0)).execute();
}
