import { type Kysely, sql } from "kysely";

/** Functions, their commits and tags, invocations and their logs, identities and keys. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await functionsAndCommits(db);
  await invocations(db);
  await identity(db);
}

async function functionsAndCommits(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("functions")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("display_name", "text", (c) => c.notNull())
    .addColumn("description", "text", (c) => c.notNull())
    .addColumn("function_type", "text", (c) => c.notNull())
    .addColumn("head", "text")
    .addColumn("published_commit_id", "text")
    .addColumn("is_draft", "integer", (c) => c.notNull())
    .addColumn("outbound_network_allowlist", "text", (c) => c.notNull())
    .addColumn("provisioned_concurrency", "integer", (c) => c.notNull())
    .addColumn("scoped_role_ids", "text", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("updated_at", "text", (c) => c.notNull())
    .addColumn("deleted_at", "text")
    .execute();
  await db.schema.createTable("function_secrets")
    .addColumn("function_id", "text", (c) => c.notNull().references("functions.id"))
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("sealed", "blob", (c) => c.notNull())
    .addPrimaryKeyConstraint("function_secrets_pk", ["function_id", "name"])
    .execute();
  await db.schema.createTable("commits")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("function_id", "text", (c) => c.notNull().references("functions.id"))
    .addColumn("message", "text", (c) => c.notNull())
    .addColumn("author", "text", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("expires_at", "text", (c) => c.notNull())
    .addColumn("finalized_at", "text")
    .addColumn("script_digest", "text")
    .addColumn("source_map_digest", "text")
    .addColumn("lock_digest", "text")
    .addColumn("deno_version", "text")
    .execute();
  await db.schema.createIndex("commits_of_function").on("commits").columns(["function_id", "id"])
    .execute();
  await db.schema.createTable("commit_files")
    .addColumn("commit_id", "text", (c) => c.notNull().references("commits.id"))
    .addColumn("path", "text", (c) => c.notNull())
    .addColumn("digest", "text")
    .addColumn("size", "integer", (c) => c.notNull())
    .addPrimaryKeyConstraint("commit_files_pk", ["commit_id", "path"])
    .execute();
  await db.schema.createTable("tags")
    .addColumn("function_id", "text", (c) => c.notNull().references("functions.id"))
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("commit_id", "text", (c) => c.notNull().references("commits.id"))
    .addColumn("created_at", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("tags_pk", ["function_id", "name"])
    .execute();
}

async function invocations(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("invocations")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("function_id", "text", (c) => c.notNull().references("functions.id"))
    .addColumn("commit_id", "text", (c) => c.notNull().references("commits.id"))
    .addColumn("principal_id", "text", (c) => c.notNull())
    .addColumn("mode", "text", (c) => c.notNull())
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("updated_at", "text", (c) => c.notNull())
    .addColumn("error", "text")
    .addColumn("input", "text", (c) => c.notNull())
    .addColumn("output", "text")
    .execute();
  await db.schema.createIndex("invocations_of_function").on("invocations")
    .columns(["function_id", "id"]).execute();
  // Recovery looks for unfinished invocations: few, however long the history is.
  await db.schema.createIndex("invocations_unfinished").on("invocations").column("id")
    .where(sql<boolean>`status in ('PENDING', 'RUNNING')`).execute();
  await db.schema.createTable("invocation_logs")
    .addColumn("invocation_id", "text", (c) => c.notNull().references("invocations.id"))
    .addColumn("sequence", "integer", (c) => c.notNull())
    .addColumn("time", "text", (c) => c.notNull())
    .addColumn("level", "text", (c) => c.notNull())
    .addColumn("source", "text", (c) => c.notNull())
    .addColumn("message", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("invocation_logs_pk", ["invocation_id", "sequence"])
    .execute();
  await db.schema.createTable("idempotency_keys")
    .addColumn("principal_id", "text", (c) => c.notNull())
    .addColumn("function_id", "text", (c) => c.notNull())
    .addColumn("key", "text", (c) => c.notNull())
    .addColumn("invocation_id", "text", (c) => c.notNull().references("invocations.id"))
    .addColumn("request_hash", "text", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("idempotency_keys_pk", ["principal_id", "function_id", "key"])
    .execute();
  await db.schema.createIndex("idempotency_keys_by_age").on("idempotency_keys").column("created_at")
    .execute();
}

async function identity(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("service_principals")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("display_name", "text", (c) => c.notNull())
    .addColumn("roles", "text", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .execute();
  await db.schema.createTable("credentials")
    .addColumn("client_id", "text", (c) => c.primaryKey())
    .addColumn("principal_id", "text", (c) => c.notNull().references("service_principals.id"))
    .addColumn("secret_hash", "text", (c) => c.notNull())
    .addColumn("public_jwk", "text", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .execute();
  await db.schema.createTable("used_assertions")
    .addColumn("fingerprint", "text", (c) => c.primaryKey())
    .addColumn("expires_at", "text", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("used_assertions_by_age").on("used_assertions").column("expires_at")
    .execute();
  await db.schema.createTable("server_keys")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("purpose", "text", (c) => c.notNull())
    .addColumn("sealed", "blob", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .execute();
}
