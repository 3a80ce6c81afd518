/** Migrates copies of databases of SQLite, which no server uses. */
import { DatabaseSync } from "node:sqlite";
import { CamelCasePlugin, Kysely } from "kysely";
import { assertKnown, migrate, MIGRATIONS } from "../migrations/mod.ts";
import type { Schema } from "../schema.ts";
import { sqliteDialect } from "./dialect.ts";
import { closeLog, migrationsOf } from "./snapshot.ts";

/** Whether an earlier version wrote the database. @throws DataDirError for a database of a later version */
export function isEarlier(file: string, name: string): boolean {
  using db = new DatabaseSync(file, { readOnly: true });
  const executed = migrationsOf(db);
  assertKnown(executed, name);
  return executed.length < Object.keys(MIGRATIONS).length;
}

/**
 * Migrates a copy of a database to this version, so that queries of this version can read it. The original stays as it
 * is. The copy has no log beside it.
 * @param file the copy, which only this process uses
 * @param name of the database in messages
 * @throws DataDirError for a database of a later version; an error of SQLite for a database that is damaged or foreign
 */
export async function migrateCopy(file: string, name: string): Promise<void> {
  if (isEarlier(file, name)) await migrateFile(file);
}

/** Makes an empty database of this version. */
export async function createDatabase(file: string): Promise<void> {
  (await Deno.open(file, { createNew: true, write: true, mode: 0o600 })).close();
  await migrateFile(file);
}

async function migrateFile(file: string): Promise<void> {
  const dialect = sqliteDialect(file);
  const db = new Kysely<Schema>({ dialect: dialect.writer, plugins: [new CamelCasePlugin()] });
  try {
    await migrate(db, []);
  } finally {
    await db.destroy();
    await dialect.close();
  }
  closeLog(file);
}
