import { CamelCasePlugin, Kysely } from "kysely";
import { executedMigrations, migrate } from "./migrations/mod.ts";
import type { PostgresOptions } from "./postgres/address.ts";
import { postgresDialect } from "./postgres/dialect.ts";
import type { Schema } from "./schema.ts";

/** What a migration did. */
export interface Migrated {
  /** For messages, such as `database invoked on db.example:5432`. */
  readonly database: string;
  /** The last migration that the database had; undefined for a new database. */
  readonly from: string | undefined;
  /** The last migration that it has now. */
  readonly to: string;
}

/** Migrates a database of PostgreSQL to this version, as a whole or not at all. @throws DatabaseError, DataDirError */
export async function migrateDatabase(options: PostgresOptions): Promise<Migrated> {
  const dialect = await postgresDialect(options);
  await using opened = new AsyncDisposableStack();
  opened.defer(() => dialect.close());
  const db = new Kysely<Schema>({ dialect: dialect.writer, plugins: [new CamelCasePlugin()] });
  opened.defer(() => db.destroy());
  return await dialect.lockMigrations(async () => {
    const executed = await executedMigrations(db, dialect);
    await migrate(db, executed);
    const to = (await executedMigrations(db, dialect)).at(-1) ?? "";
    return { database: dialect.name, from: executed.at(-1), to };
  });
}
