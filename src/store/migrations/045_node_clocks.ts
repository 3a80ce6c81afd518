import type { Kysely } from "kysely";

/** How far the clock of each API node is from the clock of the database. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("nodes")
    .addColumn("clock_offset_ms", "integer", (c) => c.notNull().defaultTo(0))
    .execute();
}
