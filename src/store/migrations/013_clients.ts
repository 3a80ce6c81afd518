import { type Kysely, sql } from "kysely";

/** Credentials become clients with a name, roles, an end and an id, which is at first the id of their principal. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const [name, fallback] of [["id", ""], ["display_name", ""], ["scoped_roles", "[]"]]) {
    await db.schema.alterTable("credentials")
      .addColumn(name as string, "text", (c) => c.notNull().defaultTo(fallback)).execute();
  }
  await db.schema.alterTable("credentials")
    .addColumn("disabled", "integer", (c) => c.notNull().defaultTo(0)).execute();
  for (const name of ["updated_at", "expires_at", "deleted_at"]) {
    await db.schema.alterTable("credentials").addColumn(name, "text").execute();
  }
  await sql`update credentials set id = principal_id, updated_at = created_at, display_name =
    (select display_name from service_principals where service_principals.id = principal_id)`
    .execute(db);
  await db.schema.createIndex("credentials_by_id").on("credentials").column("id").unique()
    .execute();
  await db.schema.createIndex("credentials_of_principal").on("credentials")
    .columns(["principal_id", "id"]).execute();
}
