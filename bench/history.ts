/**
 * Fills a database with a past, while its server is stopped: rows as the server would have written them, in the
 * columns that the store's own schema has, without the time that it takes to make them one by one.
 */
import { CamelCasePlugin, type InsertObject, Kysely } from "kysely";
import KSUID from "ksuid";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { Schema } from "../src/store/schema.ts";
import { sqliteDialect } from "../src/store/sqlite/dialect.ts";

export interface Past {
  /** How many functions there are, the template among them. */
  readonly functions: number;
  /** How many invocations lie between {@link OLDEST} and now; half of them are the template's. */
  readonly invocations: number;
}

/**
 * The first invocations of the template, the same however long the rest of its history: all that failed, all with the
 * needle in their input, all of the first day. Whoever looks for them looks through all that came later.
 */
const OLDEST = 100;
export const NEEDLE = "needle";
/** The oldest function alone has the needle in its name. */
export const OLDEST_FUNCTION = `oldest ${NEEDLE}`;
/** When the oldest invocations were over, and the rest began. */
export const SECOND_DAY = new Date("2025-01-02T00:00:00.000Z");

const ROWS_PER_TRANSACTION = 20_000;
/** Functions other than the template that the other half of the history belongs to. */
const OTHERS_WITH_HISTORY = 9;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Multiplies the function `templateId`, which must have been called once, and gives it a history. */
export async function fill(dataDir: string, templateId: string, past: Past): Promise<void> {
  const file = join(dataDir, "invoked.db");
  const dialect = sqliteDialect(file);
  const db = new Kysely<Schema>({ dialect: dialect.writer, plugins: [new CamelCasePlugin()] });
  using raw = new DatabaseSync(file);
  raw.exec("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -200000");
  const others = await multiply(db, raw, templateId, past.functions - 1);
  await giveHistory(db, raw, templateId, others, past.invocations);
  await db.destroy();
  raw.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

/** Copies the template with its published commit; answers the ids of the copies. */
async function multiply(
  db: Kysely<Schema>,
  raw: DatabaseSync,
  templateId: string,
  count: number,
): Promise<string[]> {
  const template = await db.selectFrom("functions").selectAll()
    .where("id", "=", templateId).executeTakeFirstOrThrow();
  const commit = await db.selectFrom("commits").selectAll()
    .where("id", "=", template.publishedCommitId).executeTakeFirstOrThrow();
  const files = await db.selectFrom("commitFiles").selectAll()
    .where("commitId", "=", commit.id).execute();
  const ids: string[] = [];
  const functions = new BulkInsert(db, raw, "functions");
  const commits = new BulkInsert(db, raw, "commits");
  const commitFiles = new BulkInsert(db, raw, "commitFiles");
  inTransactions(raw, count, (n) => {
    const createdAt = new Date(SECOND_DAY.getTime() + n * 1000).toISOString();
    const id = idAt(createdAt, 2 * n);
    const commitId = idAt(createdAt, 2 * n + 1);
    const displayName = n === 0 ? OLDEST_FUNCTION : `function ${n}`;
    const times = { createdAt, updatedAt: createdAt };
    const published = { head: commitId, publishedCommitId: commitId };
    functions.add({ ...template, ...times, ...published, id, displayName });
    commits.add({ ...commit, id: commitId, functionId: id, createdAt });
    for (const commitFile of files) commitFiles.add({ ...commitFile, commitId });
    ids.push(id);
  });
  return ids;
}

async function giveHistory(
  db: Kysely<Schema>,
  raw: DatabaseSync,
  templateId: string,
  others: readonly string[],
  count: number,
): Promise<void> {
  const template = await db.selectFrom("invocations").selectAll()
    .where("functionId", "=", templateId).limit(1).executeTakeFirstOrThrow();
  const invocations = new BulkInsert(db, raw, "invocations");
  const logs = new BulkInsert(db, raw, "invocationLogs");
  const insert = (n: number, createdAt: string, change: Partial<Schema["invocations"]>) => {
    const id = idAt(createdAt, n);
    invocations.add({ ...template, createdAt, updatedAt: createdAt, ...change, id });
    const message = `greeting ${n}`;
    const line = { sequence: 1, time: createdAt, level: "info", source: "console", message };
    logs.add({ invocationId: id, ...line });
  };
  const firstDay = SECOND_DAY.getTime() - 86_400_000;
  inTransactions(raw, OLDEST, (n) => {
    const input = JSON.stringify({ name: `${NEEDLE} ${n}` });
    const error = "UNCAUGHT: Error: of the first day";
    const createdAt = new Date(firstDay + n * 1000).toISOString();
    insert(n, createdAt, { input, status: "ERROR", error, output: null });
  });
  const step = (Date.now() - 60_000 - SECOND_DAY.getTime()) / Math.max(1, count);
  const owners = others.slice(0, OTHERS_WITH_HISTORY);
  inTransactions(raw, count, (n) => {
    const owner = n % 2 === 0 ? templateId : owners[(n >> 1) % owners.length] ?? templateId;
    const createdAt = new Date(SECOND_DAY.getTime() + n * step).toISOString();
    const input = JSON.stringify({ name: `caller ${n}` });
    const output = JSON.stringify({ message: `Hello, caller ${n}!` });
    insert(OLDEST + n, createdAt, { functionId: owner, input, output, status: "SUCCESS" });
  });
}

/** Runs `write` for 0, 1, 2, ... in transactions of a good size. */
function inTransactions(raw: DatabaseSync, count: number, write: (n: number) => void): void {
  for (let from = 0; from < count; from += ROWS_PER_TRANSACTION) {
    raw.exec("BEGIN");
    for (let n = from; n < Math.min(count, from + ROWS_PER_TRANSACTION); n++) write(n);
    raw.exec("COMMIT");
  }
}

/** An id as the server makes them, which sorts by time, then by number; the number is its random part. */
export function idAt(time: string, number: number): string {
  const prefix = KSUID.fromParts(Date.parse(time), Buffer.alloc(16)).string.slice(0, 20);
  let suffix = "";
  for (let rest = number; suffix.length < 7; rest = Math.floor(rest / ALPHABET.length)) {
    suffix = (ALPHABET[rest % ALPHABET.length] ?? "") + suffix;
  }
  return prefix + suffix;
}

/** Inserts rows of one table by one prepared statement, which Kysely writes from the first row. */
class BulkInsert<Table extends keyof Schema & string> {
  #insert: ((row: Schema[Table]) => void) | undefined;

  constructor(
    readonly db: Kysely<Schema>,
    readonly raw: DatabaseSync,
    readonly table: Table,
  ) {}

  add(row: Schema[Table]): void {
    this.#insert ??= this.#prepare(row);
    this.#insert(row);
  }

  #prepare(first: Schema[Table]): (row: Schema[Table]) => void {
    const columns = Object.keys(first) as (keyof Schema[Table])[];
    const query = this.db.insertInto(this.table).values(first as InsertObject<Schema, Table>);
    const statement = this.raw.prepare(query.compile().sql);
    return (row) => void statement.run(...columns.map((column) => row[column] as SQLInputValue));
  }
}
