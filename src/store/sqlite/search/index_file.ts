import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import KSUID from "ksuid";

/** The files of the thread that searches and indexes. */
export interface SearchFiles {
  /** The database of the server, which the thread only reads. */
  readonly database: string;
  /** The index. It holds nothing that the database does not have, and is made again if it is missing or damaged. */
  readonly index: string;
  /** Ids of the invocations that had not ended when the server opened its database. */
  readonly unfinished: readonly string[];
}

/** Counts changes of {@link SCHEMA} and of the indexed texts: an index of another version is made again. */
const VERSION = 2;

/**
 * What the database keeps for the index: the purged invocations that are still to be erased, each with the last row number
 * that was left. SQLite gives later numbers again.
 */
export const PURGED_SCHEMA = [
  `CREATE TABLE IF NOT EXISTS purged_invocations (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, last_row INTEGER NOT NULL
  )`,
  `CREATE TRIGGER IF NOT EXISTS invocations_purged AFTER DELETE ON invocations BEGIN
    INSERT INTO purged_invocations (id, last_row)
      VALUES (old.id, coalesce((SELECT max(rowid) FROM invocations), 0));
  END`,
];

/** The invocations that have not ended, in the words of their partial index, and with its first column. */
export const UNFINISHED = `SELECT id FROM invocations
  WHERE status <> 'SUCCESS' AND status IN ('PENDING', 'RUNNING')
    AND function_id IN (SELECT id FROM functions)`;

/**
 * A document is an invocation that has ended, as the index knows it. Its number sorts as its id does: the second that
 * the id encodes, then a count within that second. The index holds which documents contain a trigram, and no text.
 */
const SCHEMA = `
  CREATE TABLE documents (number INTEGER PRIMARY KEY, invocation_id TEXT NOT NULL);
  CREATE VIRTUAL TABLE trigrams USING fts5(
    text, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram'
  );
  CREATE TABLE unindexed (invocation_id TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE progress (
    seen_row INTEGER NOT NULL,
    seen_id TEXT NOT NULL
  );
  INSERT INTO progress VALUES (0, '');
  CREATE TABLE trigram_counts (counts BLOB NOT NULL);
  INSERT INTO trigram_counts VALUES (x'');
  PRAGMA user_version = ${VERSION};
`;

/** Documents of one second at most. Numbers stay exact in JavaScript until the year 2106. */
const DOCUMENTS_PER_SECOND = 2 ** 20;

const SECOND_BYTES = 4;
const PAYLOAD_BYTES = 16;

/** The second that an id encodes, counted as ids do. */
export function secondOf(id: string): number {
  return KSUID.parse(id).timestamp;
}

/** The least id of a second. */
export function firstIdOf(second: number): string {
  const raw = Buffer.alloc(SECOND_BYTES + PAYLOAD_BYTES);
  raw.writeUInt32BE(second);
  return new KSUID(raw).string;
}

/** The second of a document. */
export function secondOfNumber(number: number): number {
  return Math.floor(number / DOCUMENTS_PER_SECOND);
}

/** The numbers of the second that an id encodes: from the first up to, but without, the last. */
export function numbersOf(id: string): { readonly from: number; readonly to: number } {
  const from = secondOf(id) * DOCUMENTS_PER_SECOND;
  return { from, to: from + DOCUMENTS_PER_SECOND };
}

/** Opens the index to write to it. Makes one that is missing, damaged, of another version or of another database. */
export function openIndex(files: SearchFiles): DatabaseSync {
  mkdirSync(dirname(files.index), { recursive: true, mode: 0o700 });
  if (existsSync(files.index) && !isUsable(files)) removeIndex(files);
  const index = new DatabaseSync(files.index);
  index.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
  if (versionOf(index) !== VERSION) index.exec(`BEGIN; ${SCHEMA} COMMIT;`);
  return index;
}

/** Removes the index with its log. */
export function removeIndex({ index }: SearchFiles): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(index + suffix, { force: true });
}

function isUsable({ index, database }: SearchFiles): boolean {
  try {
    using db = new DatabaseSync(index, { readOnly: true });
    using main = new DatabaseSync(database, { readOnly: true });
    return versionOf(db) === VERSION && isOf(main, db);
  } catch {
    return false;
  }
}

function versionOf(db: DatabaseSync): unknown {
  return db.prepare("PRAGMA user_version").get()?.user_version;
}

/** Whether the index continues the history of this database, and not that of one that a backup has replaced. */
function isOf(main: DatabaseSync, index: DatabaseSync): boolean {
  const { seen_row = null, seen_id = null } =
    index.prepare("SELECT seen_row, seen_id FROM progress").get() ?? {};
  if (seen_row === 0) return true;
  const row = main.prepare("SELECT id FROM invocations WHERE rowid = ?").get(seen_row);
  if (row !== undefined) return row.id === seen_id;
  const purged = main.prepare("SELECT 1 FROM purged_invocations WHERE id = ?");
  return purged.get(seen_id) !== undefined;
}
