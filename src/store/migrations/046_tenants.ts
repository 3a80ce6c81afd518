import type { Kysely } from "kysely";

/** C1 tenants with their credentials, and the tenant that a function calls. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("tenants")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("host", "text", (c) => c.notNull())
    .addColumn("is_example", "integer", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("updated_at", "text", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("tenants_by_host").on("tenants").column("host").unique().execute();
  await db.schema.createTable("tenant_credentials")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("tenant_id", "text", (c) => c.notNull().references("tenants.id"))
    .addColumn("client_id", "text", (c) => c.notNull())
    .addColumn("sealed_secret", "blob", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("updated_at", "text", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("tenant_credentials_of_tenant").on("tenant_credentials")
    .columns(["tenant_id", "id"]).execute();
  await db.schema.alterTable("functions").addColumn("tenant", "text").execute();
}
