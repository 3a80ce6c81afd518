import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { type SqliteDatabase, SqliteDialect, type SqliteStatement } from "kysely";
import { LRUCache } from "lru-cache";
import type { Dialect } from "../dialect.ts";
import { Checkpointer } from "./checkpointer.ts";

/** Prepared statements kept per connection; the server has fewer distinct ones than this. */
const PREPARED_STATEMENTS_MAX = 256;
const BUSY_TIMEOUT_MS = 5_000;
/** Frames of the log at which a writer runs a checkpoint itself, which blocks all requests: reached only if the checkpointer fails. */
const AUTOMATIC_FRAMES = 32_768;

/**
 * SQLite in one file, in WAL mode. A COMMIT writes the log, which then survives a crash of the process; `sync`
 * makes the log durable beside the event loop, which `synchronous=FULL` would block. With `synchronous=NORMAL`
 * SQLite itself syncs the log before a checkpoint.
 */
export function sqliteDialect(file: string): Dialect {
  let writer: SqliteDatabase | undefined;
  const openWriter = () => writer ??= open(file);
  let log: Deno.FsFile | undefined;
  let checkpointer: Checkpointer | undefined;
  return {
    capabilities: { blobType: "blob", caseInsensitiveLike: "like" },
    writer: new SqliteDialect({ database: () => Promise.resolve(openWriter()) }),
    statements: {
      run: (sql, parameters) => Number(openWriter().prepare(sql).run(parameters).changes),
    },
    reader: new SqliteDialect({ database: () => Promise.resolve(open(file)) }),
    async sync() {
      // The log stays the same file while a connection is open. No lock is held on it that closing it could lose.
      log ??= await openLog(file);
      await log.syncData();
      checkpointer?.schedule();
    },
    maintain(betweenTransactions) {
      checkpointer = new Checkpointer(file, betweenTransactions);
    },
    async close() {
      await checkpointer?.close();
      log?.close();
    },
  };
}

/** Opens the log; its directory entry is durable from here. */
async function openLog(file: string): Promise<Deno.FsFile> {
  using directory = await Deno.open(dirname(file), { read: true });
  await directory.sync();
  return await Deno.open(`${file}-wal`, { read: true });
}

function open(file: string): SqliteDatabase {
  const db = new DatabaseSync(file);
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA foreign_keys = ON;
    PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS};
    PRAGMA wal_autocheckpoint = ${AUTOMATIC_FRAMES};
  `);
  const prepared = new LRUCache<string, SqliteStatement>({ max: PREPARED_STATEMENTS_MAX });
  return {
    close: () => db.close(),
    prepare(sql) {
      let statement = prepared.get(sql);
      if (statement === undefined) {
        statement = adapt(db.prepare(sql));
        prepared.set(sql, statement);
      }
      return statement;
    },
  };
}

/** node:sqlite reads a text up to its first NUL, and other databases reject one: U+FFFD replaces it. */
function withoutNul(value: unknown): unknown {
  return typeof value === "string" && value.includes("\0")
    ? value.replaceAll("\0", "\ufffd")
    : value;
}

/** Adapts a statement of node:sqlite to the interface of better-sqlite3, which Kysely's dialect uses. */
function adapt(statement: StatementSync): SqliteStatement {
  const bind = (parameters: readonly unknown[]) => parameters.map(withoutNul) as SQLInputValue[];
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...bind(parameters)),
    run(parameters) {
      const { changes, lastInsertRowid } = statement.run(...bind(parameters));
      return { changes, lastInsertRowid };
    },
    iterate: (parameters) => statement.iterate(...bind(parameters)),
  };
}
