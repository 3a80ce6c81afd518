import type { Kysely } from "kysely";

/** Whether processes of a function run one invocation after another, and whether the process of an invocation did. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ["functions", "invocations"]) {
    await db.schema.alterTable(table)
      .addColumn("isolation", "text", (c) => c.notNull().defaultTo("fresh")).execute();
  }
}
