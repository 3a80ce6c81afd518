import { DatabaseSync } from "node:sqlite";
import { bitsOfKsuid, KSUID_BITS, ksuidOf, LAST_KSUID } from "../../../shared/ksuids.ts";

/** The files of the thread that searches and indexes. */
export interface SearchFiles {
  /** The database of the server, which the thread only reads. */
  readonly database: string;
  /** The index. It holds nothing that the database does not have, and is made again if it is missing or damaged. */
  readonly index: string;
}

/** Counts changes of {@link SCHEMA} and of the indexed texts: an index of another version is made again. */
const VERSION = 3;

/**
 * What the database keeps for the index: a queue of the invocations that have ended or were purged. Its last entry always
 * stays, so no number is given twice. The first two statements remove what an earlier release kept.
 */
export const QUEUE_SCHEMA = [
  "DROP TRIGGER IF EXISTS invocations_purged",
  "DROP TABLE IF EXISTS purged_invocations",
  `CREATE TABLE IF NOT EXISTS unindexed_invocations (
    sequence INTEGER PRIMARY KEY, id TEXT NOT NULL
  )`,
  `INSERT INTO unindexed_invocations
    SELECT 0, '' WHERE NOT EXISTS (SELECT 1 FROM unindexed_invocations)`,
  ...Object.entries({
    inserted: "INSERT ON invocations WHEN new.status IN ('SUCCESS', 'ERROR')",
    ended: "UPDATE OF status ON invocations WHEN new.status IN ('SUCCESS', 'ERROR')",
    purged: "DELETE ON invocations",
  }).map(([name, event]) =>
    `CREATE TRIGGER IF NOT EXISTS unindexed_${name} AFTER ${event} BEGIN
      INSERT INTO unindexed_invocations (id) VALUES (${name === "purged" ? "old" : "new"}.id);
    END`
  ),
];

/** Forgets the entries of the queue before one. */
export const FORGET = "DELETE FROM unindexed_invocations WHERE sequence < ?";

/**
 * The index holds which documents contain a trigram, and no text. `progress` has the last invocation of the history that
 * is indexed, null once all of it is, and the last entry of the queue that is.
 */
const SCHEMA = `
  CREATE VIRTUAL TABLE trigrams USING fts5(
    text, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram'
  );
  CREATE TABLE progress (filled_to TEXT, sequence INTEGER NOT NULL, id TEXT NOT NULL);
  PRAGMA user_version = ${VERSION};
`;

/**
 * The bits of an id behind those that number its document: the 32 of its second, and eight random ones. All invocations whose
 * ids share these bits are one document, so numbers sort as ids do, and follow each other closely, which keeps the index small.
 */
const BITS_BEHIND_NUMBER = KSUID_BITS - 40n;

/**
 * The number of the document of an invocation.
 * @param padding what follows the beginning of an id, or the bound above the ids that begin so: the least character of
 * an id or the greatest
 */
export function numberOf(id: string, padding: "0" | "z" = "0"): number {
  const whole = id.replace("~", "").padEnd(LAST_KSUID.length, padding);
  return Number(bitsOfKsuid(whole > LAST_KSUID ? LAST_KSUID : whole) >> BITS_BEHIND_NUMBER);
}

/** The first and the last id of a document. */
export function idsOf(number: number): readonly [first: string, last: string] {
  const first = BigInt(number) << BITS_BEHIND_NUMBER;
  return [ksuidOf(first), ksuidOf(first | (1n << BITS_BEHIND_NUMBER) - 1n)];
}

/** Opens the index to write to it. Makes one that is missing, damaged, of another version or of another database. */
export function openIndex(files: SearchFiles, database: DatabaseSync): DatabaseSync {
  const folder = files.index.slice(0, files.index.lastIndexOf("/"));
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!isUsable(files, database)) removeIndex(files);
  const { sequence = 0, id = "" } = database.prepare(
    "SELECT sequence, id FROM unindexed_invocations ORDER BY sequence DESC LIMIT 1",
  ).get() ?? {};
  const index = new DatabaseSync(files.index);
  // The queue forgets what was indexed as soon as this is committed.
  index.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN");
  if (versionOf(index) !== VERSION) {
    index.exec(SCHEMA);
    index.prepare("INSERT INTO progress VALUES ('', ?, ?)").run(sequence, id);
  }
  index.exec("COMMIT");
  return index;
}

/** Removes the index with its log. */
export function removeIndex({ index }: SearchFiles): void {
  for (const suffix of ["", "-wal", "-shm"]) {
    try {
      Deno.removeSync(index + suffix);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Whether the index is there, and continues the history of this database, and not that of one that a backup has replaced. */
function isUsable({ index }: SearchFiles, database: DatabaseSync): boolean {
  try {
    using db = new DatabaseSync(index, { readOnly: true });
    if (versionOf(db) !== VERSION) return false;
    const { sequence = null, id } = db.prepare("SELECT sequence, id FROM progress").get() ?? {};
    const entry = database.prepare("SELECT id FROM unindexed_invocations WHERE sequence = ?");
    return id !== undefined && entry.get(sequence)?.id === id;
  } catch {
    return false;
  }
}

function versionOf(db: DatabaseSync): unknown {
  return db.prepare("PRAGMA user_version").get()?.user_version;
}
