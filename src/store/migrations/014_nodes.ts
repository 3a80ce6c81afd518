import { type Kysely, sql } from "kysely";

/**
 * The nodes that share the database, their leases, and what an invocation records about its attempts: how often it
 * started, which node owns it and which worker runs it. Unfinished invocations get an owner that is no node, so that
 * the next start recovers them.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const [name, value] of [["attempt", 0], ["max_attempts", 1]] as const) {
    await db.schema.alterTable("invocations")
      .addColumn(name, "integer", (c) => c.notNull().defaultTo(value)).execute();
  }
  for (const name of ["owner", "worker"]) {
    await db.schema.alterTable("invocations").addColumn(name, "text").execute();
  }
  // In the words of the partial index.
  await sql`update invocations set owner = 'unknown',
    attempt = case status when 'RUNNING' then 1 else 0 end
    where status <> 'SUCCESS' and status in ('PENDING', 'RUNNING')`.execute(db);
  await db.schema.createTable("nodes")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("lease_until", "text", (c) => c.notNull())
    .addColumn("version", "text", (c) => c.notNull())
    .addColumn("protocol", "integer", (c) => c.notNull())
    .execute();
  await db.schema.createTable("leases")
    .addColumn("name", "text", (c) => c.primaryKey())
    .addColumn("holder", "text", (c) => c.notNull())
    .addColumn("until", "text", (c) => c.notNull())
    .execute();
}
