/** Copies a SQLite database that a server may be writing to. */
import { backup, DatabaseSync } from "node:sqlite";
import type { ServerKeyRow } from "../identity.ts";
import { assertCurrent, assertKnown } from "../migrations/mod.ts";

/** All pages in one step: a copy in several steps begins again with each write of another process. */
const PAGES_PER_STEP = 2 ** 31 - 1;

/**
 * Copies the database as it is at one moment, by SQLite's online backup. The copy has no log beside it.
 * @param name of the database in messages
 * @throws DataDirError for a database of another version
 */
export async function copySqlite(file: string, to: string, name: string): Promise<void> {
  await copyPages(file, to, (source) => assertCurrent(migrationsOf(source), name));
}

/** As {@link copySqlite}, of a database of any version that no server uses. */
export async function copyOfAnyVersion(file: string, to: string): Promise<void> {
  await copyPages(file, to, () => {});
}

async function copyPages(
  file: string,
  to: string,
  check: (source: DatabaseSync) => void,
): Promise<void> {
  (await Deno.open(to, { createNew: true, write: true, mode: 0o600 })).close();
  {
    using source = new DatabaseSync(file, { readOnly: true });
    source.exec("PRAGMA busy_timeout = 5000");
    check(source);
    await backup(source, to, { rate: PAGES_PER_STEP });
  }
  closeLog(to);
}

/** The migrations of a database, in their order. */
export function migrationsOf(db: DatabaseSync): string[] {
  return db.prepare("SELECT name FROM kysely_migration ORDER BY name").all()
    .map(({ name }) => `${name}`);
}

/** @throws DataDirError for a database of a later version */
export function assertNotLater(db: DatabaseSync, name: string): void {
  assertKnown(migrationsOf(db), name);
}

/** Leaves a database in one file, which needs no log to be read. */
export function closeLog(file: string): void {
  using db = new DatabaseSync(file);
  db.exec("PRAGMA journal_mode = DELETE");
}

/** The sealed keys of the server in a database that no server uses. */
export function serverKeysIn(file: string): ServerKeyRow[] {
  using db = new DatabaseSync(file, { readOnly: true });
  return db.prepare("SELECT * FROM server_keys").all().map((row) => ({
    id: `${row["id"]}`,
    purpose: `${row["purpose"]}`,
    sealed: row["sealed"] as Uint8Array,
    createdAt: `${row["created_at"]}`,
    signsFrom: row["signs_from"] === null ? null : `${row["signs_from"]}`,
  }));
}

/** The object store with the contents of a copy, as `--objects` names it; undefined if the copy names none. */
export function objectStoreIn(file: string): string | undefined {
  using db = new DatabaseSync(file, { readOnly: true });
  const address = db.prepare("SELECT address FROM object_stores").get()?.["address"];
  return address === undefined ? undefined : `${address}`;
}
