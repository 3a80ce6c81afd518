import { type Kysely, sql } from "kysely";

/** What the role names of version 0.1 became. */
const ROLE_IDS: Readonly<Record<string, string>> = {
  reader: "000000000000000systemviewer",
  invoker: "00000000000functionsinvoker",
  administrator: "0000000000000000systemowner",
};
const VIEWER = "000000000000000systemviewer";

/**
 * Service principals become principals of two kinds, credentials get kinds and limits, roles get ids, and functions can
 * be bound to a principal. A function of before could read everything: that becomes a role, which its owner can remove.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await addPrincipals(db);
  await addCredentials(db);
  await db.schema.createTable("roles")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("display_name", "text", (c) => c.notNull())
    .addColumn("permissions", "text", (c) => c.notNull())
    .addColumn("function_ids", "text")
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("updated_at", "text", (c) => c.notNull())
    .addColumn("deleted_at", "text")
    .execute();
  for (const name of ["principal_id", "bound_at"]) {
    await db.schema.alterTable("functions").addColumn(name, "text").execute();
  }
  await db.schema.createIndex("functions_of_principal").on("functions").column("principal_id")
    .execute();
  await replaceNames(db, "principals", "roles");
  await replaceNames(db, "credentials", "scoped_roles");
  await replaceNames(db, "functions", "scoped_role_ids");
  await keepReading(db);
}

async function addPrincipals(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("service_principals").renameTo("principals").execute();
  const texts = [["kind", "service"], ["email", ""], ["username", ""], ["group_roles", "[]"], [
    "updated_at",
    "",
  ]];
  for (const [name, fallback] of texts) {
    await db.schema.alterTable("principals")
      .addColumn(name as string, "text", (c) => c.notNull().defaultTo(fallback)).execute();
  }
  await db.schema.alterTable("principals")
    .addColumn("disabled", "integer", (c) => c.notNull().defaultTo(0)).execute();
  for (const name of ["issuer", "subject", "deleted_at", "last_sign_in_at"]) {
    await db.schema.alterTable("principals").addColumn(name, "text").execute();
  }
  await sql`update principals set updated_at = created_at`.execute(db);
  await db.schema.createIndex("principals_by_subject").on("principals")
    .columns(["issuer", "subject"]).unique().execute();
}

async function addCredentials(db: Kysely<unknown>): Promise<void> {
  for (const [name, fallback] of [["kind", "secret"], ["allow_source_cidrs", "[]"]]) {
    await db.schema.alterTable("credentials")
      .addColumn(name as string, "text", (c) => c.notNull().defaultTo(fallback)).execute();
  }
  await db.schema.alterTable("credentials")
    .addColumn("require_dpop", "integer", (c) => c.notNull().defaultTo(0)).execute();
  await db.schema.createIndex("credentials_by_secret").on("credentials").column("secret_hash")
    .execute();
  await db.schema.createTable("credential_uses")
    .addColumn("credential_id", "text", (c) => c.primaryKey())
    .addColumn("last_used_at", "text", (c) => c.notNull())
    .execute();
}

/** Texts of JSON arrays: each name in its quotes becomes an id. */
async function replaceNames(db: Kysely<unknown>, table: string, column: string): Promise<void> {
  const [of, list] = [sql.table(table), sql.ref(column)];
  for (const [name, id] of Object.entries(ROLE_IDS)) {
    await sql`update ${of} set ${list} = replace(${list}, ${`"${name}"`}, ${`"${id}"`})`
      .execute(db);
  }
}

async function keepReading(db: Kysely<unknown>): Promise<void> {
  const viewer = `"${VIEWER}"`;
  await sql`update functions set scoped_role_ids =
    case scoped_role_ids when '[]' then ${`[${viewer}]`}
    else '[' || ${viewer} || ',' || substr(scoped_role_ids, 2) end
    where scoped_role_ids not like ${`%${viewer}%`}`.execute(db);
}
