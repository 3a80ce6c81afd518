import type { Kysely } from "kysely";

/** Providers of workload identities, and what trusts have besides their credential. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("federation_providers")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("display_name", "text", (c) => c.notNull())
    .addColumn("description", "text", (c) => c.notNull())
    .addColumn("issuer_url", "text", (c) => c.notNull())
    .addColumn("well_known_provider", "text", (c) => c.notNull())
    .addColumn("disabled", "integer", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("updated_at", "text", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("federation_providers_by_issuer").on("federation_providers")
    .column("issuer_url").unique().execute();
  await db.schema.createTable("federation_trusts")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("provider_id", "text", (c) => c.notNull())
    .addColumn("description", "text", (c) => c.notNull())
    .addColumn("condition_expression", "text", (c) => c.notNull())
    .addColumn("passthrough_claims", "text", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("federation_trusts_of_provider").on("federation_trusts")
    .columns(["provider_id", "id"]).execute();
}
