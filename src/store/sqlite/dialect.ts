import { dirname, join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import {
  sql,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  type SqliteStatement,
} from "kysely";
import { LRUCache } from "lru-cache";
import { syncDirectory, syncFile } from "../../shared/files.ts";
import type { BetweenTransactions, Dialect } from "../dialect.ts";
import { NothingChanged, type StatementRunner } from "../grouped_writer.ts";
import { Checkpointer, logOf } from "./checkpointer.ts";
import { RECLAIMING, reclaimPages } from "./free_pages.ts";
import { FORGET, QUEUE_SCHEMA } from "./search/index_file.ts";
import { ThreadSearch } from "./search/thread_search.ts";
import { PREPARED_STATEMENTS_MAX } from "./statements.ts";
import { threadDialect } from "./thread_dialect.ts";

/** The index of searches, below the directory of the database. */
const SEARCH_INDEX = join("cache", "search", "index.db");
const BUSY_TIMEOUT_MS = 5_000;
/** Frames of the log at which a writer runs a checkpoint itself, which blocks all requests: reached only if the checkpointer fails. */
const AUTOMATIC_FRAMES = 32_768;

/** Whether a database has nothing yet, or does not exist. */
function isNew(file: string): boolean {
  try {
    return Deno.statSync(file).size === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

/**
 * SQLite in one file, in WAL mode. A COMMIT writes the log, which then survives a crash of the process; `sync`
 * makes the log durable beside the event loop, which `synchronous=FULL` would block. With `synchronous=NORMAL`
 * SQLite itself syncs the log before a checkpoint.
 */
export function sqliteDialect(file: string): Dialect {
  // It must come before anything is written, also before the mode of the log.
  const writer = open(file, isNew(file) ? [RECLAIMING] : []);
  const logFile = logOf(file);
  let log: Deno.FsFile | undefined;
  let checkpointer: Checkpointer | undefined;
  let search: ThreadSearch | undefined;
  return {
    name: `data directory ${dirname(file)}`,
    schema: undefined,
    isShared: false,
    capabilities: {
      caseInsensitiveLike: "like",
      rowLock: "",
      bytesOf: (text) => sql`cast(${text} as blob)`,
      timeAfter: (ms) =>
        `strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '${(ms / 1000).toFixed(3)} seconds')`,
    },
    lockMigrations: (work) => work(),
    writer: new TransactionalDialect({ database: () => Promise.resolve(writer) }),
    statements: statementsOn(writer),
    reader: new SqliteDialect({ database: () => Promise.resolve(open(file)) }),
    longReader: threadDialect(file),
    statisticsReader: threadDialect(file),
    search: {
      find(filter) {
        if (search === undefined) {
          throw new Error("Search is not available before maintenance has started");
        }
        return search.find(filter);
      },
    },
    async sync() {
      // The log stays the same file while a connection is open. No lock is held on it that closing it could lose.
      log ??= await openLog(file);
      await syncFile(log, logFile);
      checkpointer?.schedule();
      search?.schedule();
    },
    async probe() {
      await this.statements.run("PRAGMA user_version = 0", []);
    },
    async maintain(betweenTransactions, onError) {
      // What a crash or a failed sync left in the log may not be on the disk: from here on the database has all of it.
      await this.statements.run("PRAGMA wal_checkpoint(TRUNCATE)", []);
      // Opened now, because a descriptor that is opened later may miss the report of a lost write.
      log ??= await openLog(file);
      checkpointer = new Checkpointer(file, betweenTransactions, onError);
      search = openSearch(file, writer, betweenTransactions);
      // Indexes what the last stop, or an earlier version, has left; a new database has nothing.
      const isNew = writer.prepare("SELECT 1 FROM invocations LIMIT 1").all([]).length === 0;
      if (!isNew) search.schedule();
    },
    reclaim() {
      const left = reclaimPages(writer);
      // Only a checkpoint makes the file shorter.
      checkpointer?.schedule();
      return left;
    },
    interrupt() {},
    async close() {
      await search?.close();
      await checkpointer?.close();
      log?.close();
    },
  };
}

function statementsOn(writer: Connection): StatementRunner {
  return {
    begin: () => void writer.prepare("begin").run([]),
    commit: () => void writer.prepare("commit").run([]),
    rollback: () => void writer.prepare("rollback").run([]),
    run: (sql, parameters) => Number(writer.prepare(sql).run(parameters).changes),
    send: (sql, parameters) => void writer.prepare(sql).run(parameters),
    sendChange(sql, parameters) {
      if (Number(writer.prepare(sql).run(parameters).changes) === 0) throw new NothingChanged();
    },
    lock() {},
    mayRetry: () => false,
    get inTransaction() {
      return writer.inTransaction;
    },
  };
}

/** Searches the database that `writer` writes to. */
function openSearch(
  file: string,
  writer: SqliteDatabase,
  betweenTransactions: BetweenTransactions,
): ThreadSearch {
  for (const statement of QUEUE_SCHEMA) writer.prepare(statement).run([]);
  const forget = writer.prepare(FORGET);
  return new ThreadSearch(
    { database: file, index: join(dirname(file), SEARCH_INDEX) },
    (sequence) => betweenTransactions(() => Promise.resolve(void forget.run([sequence]))),
  );
}

/** Opens the log; its directory entry is durable from here. */
async function openLog(file: string): Promise<Deno.FsFile> {
  await syncDirectory(dirname(file));
  return await Deno.open(logOf(file), { read: true });
}

/** SQLite can undo changes of a schema; Kysely assumes that it cannot. */
class TransactionalDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter();
  }
}

class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

interface Connection extends SqliteDatabase {
  readonly inTransaction: boolean;
}

/** The settings of every connection. */
const PRAGMAS = [
  "journal_mode = WAL",
  "synchronous = NORMAL",
  "foreign_keys = ON",
  `busy_timeout = ${BUSY_TIMEOUT_MS}`,
  `wal_autocheckpoint = ${AUTOMATIC_FRAMES}`,
];

/** @param first settings of a new database */
function open(file: string, first: readonly string[] = []): Connection {
  return naming(file, () => {
    const db = new DatabaseSync(file);
    // Prepared, because errors of other statements have no result code.
    for (const pragma of [...first, ...PRAGMAS]) db.prepare(`PRAGMA ${pragma}`).all();
    return connectionOf(db, file);
  });
}

/** Connections that change nothing, not even the log. */
export function readOnlyDialect(file: string): SqliteDialect {
  const open = () => connectionOf(new DatabaseSync(file, { readOnly: true }), file);
  return new SqliteDialect({ database: () => Promise.resolve(open()) });
}

function connectionOf(db: DatabaseSync, file: string): Connection {
  const prepared = new LRUCache<string, SqliteStatement>({ max: PREPARED_STATEMENTS_MAX });
  return {
    close: () => db.close(),
    prepare(sql) {
      let statement = prepared.get(sql);
      if (statement === undefined) {
        statement = prepare(db, sql, file);
        prepared.set(sql, statement);
      }
      return statement;
    },
    get inTransaction() {
      return db.isTransaction;
    },
  };
}

/** Result codes of SQLite that say something about the file: I/O error, damaged, full, not to be opened, no database. */
const FILE_ERRORS: readonly number[] = [10, 11, 13, 14, 26];

/** Puts the file of a database into the message of an error that is about the file. */
function naming<T>(file: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (error instanceof Error && "errcode" in error) {
      const isAboutFile = FILE_ERRORS.includes(Number(error.errcode) & 0xff);
      if (isAboutFile && !error.message.includes(file)) error.message += `: ${file}`;
    }
    throw error;
  }
}

/** node:sqlite reads a text up to its first NUL, and other databases reject one: U+FFFD replaces it. */
function withoutNul(value: unknown): SQLInputValue {
  return typeof value === "string" && value.includes("\0")
    ? value.replaceAll("\0", "\ufffd")
    : value as SQLInputValue;
}

/** A statement of node:sqlite with the interface of better-sqlite3, which Kysely's dialect uses. */
function prepare(db: DatabaseSync, sql: string, file: string): SqliteStatement {
  const statement = naming(file, () => db.prepare(sql));
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => naming(file, () => statement.all(...parameters.map(withoutNul))),
    run: (parameters) => naming(file, () => statement.run(...parameters.map(withoutNul))),
    iterate: (parameters) => statement.iterate(...parameters.map(withoutNul)),
  };
}
