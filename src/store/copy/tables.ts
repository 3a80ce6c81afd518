/** Copies the tables of a SQLite database into an empty one of PostgreSQL. */
import { countOf, formatCount } from "../../config/mod.ts";
import { Kysely, sql } from "kysely";
import { postgresDialect } from "../postgres/dialect.ts";
import type { PostgresOptions } from "../postgres/address.ts";
import { DatabaseError } from "../postgres/database_error.ts";
import { TableRows, type TableShape, type Value } from "../sqlite/table_rows.ts";
import { TableDigest } from "./digest.ts";

/** Rows of one statement, and the parameters that PostgreSQL takes at most. */
const ROWS_PER_INSERT_MAX = 500;
const PARAMETERS_MAX = 60_000;
/** Bytes of texts and contents of one statement, unless a single row has more. */
const INSERT_BYTES_MAX = 4 * 1024 * 1024;
const ROWS_PER_FETCH = 200;

/** Rows of a table that may be there before a copy: what an earlier attempt has left. */
const LEFT_BEHIND: Readonly<Record<string, string>> = {
  server_keys: "id = 'objects'",
  object_stores: "true",
};

/** A table that was copied, and is the same on both sides. */
export interface CopiedTable {
  readonly name: string;
  readonly rows: number;
  /** SHA-256 over its rows in any order. */
  readonly digest: string;
}

// deno-lint-ignore no-explicit-any -- the tables have names that only the databases know
type AnyTables = Kysely<any>;

/** Runs work on a database of PostgreSQL that no server uses meanwhile. @throws DatabaseError */
async function onTarget<T>(
  options: PostgresOptions,
  work: (target: AnyTables) => Promise<T>,
): Promise<T> {
  const dialect = await postgresDialect(options);
  // deno-lint-ignore no-explicit-any -- as above
  const target = new Kysely<any>({ dialect: dialect.writer });
  try {
    return await work(target);
  } finally {
    await dialect.close();
    await target.destroy();
  }
}

/**
 * Names a database as PostgreSQL does, whatever its URL: the same after a restart or a failover, and before and after
 * migrations. @throws DatabaseError
 */
export async function databaseId(options: PostgresOptions): Promise<string> {
  return await onTarget(options, async (target) => {
    const { rows: [row] } = await sql<Record<string, string>>`
      select system_identifier::text as cluster, oid::text as database, current_schema() as schema
      from pg_control_system(), pg_database where datname = current_database()`.execute(target);
    const { cluster, database, schema } = row ?? {};
    return JSON.stringify([cluster, database, schema]);
  });
}

/**
 * Checks that the tables of a migrated database have no rows.
 * @throws DatabaseError
 */
export async function assertEmpty(options: PostgresOptions, sqlitePath: string): Promise<void> {
  using source = new TableRows(sqlitePath);
  await onTarget(options, (target) => checkEmpty(target, source, options));
}

async function checkEmpty(
  target: AnyTables,
  source: TableRows,
  { database: { url } }: PostgresOptions,
): Promise<void> {
  for (const { name } of source.tables()) {
    const left = LEFT_BEHIND[name];
    const other = left === undefined ? sql`` : sql`where not (${sql.raw(left)})`;
    const { rows } = await sql`select 1 from ${sql.table(name)} ${other} limit 1`.execute(target);
    if (rows.length === 0) continue;
    throw new DatabaseError(
      `${url.label} is not empty: its table ${name} has rows; ` +
        "a copy needs a database that no server has used (invoked db migrate)",
    );
  }
}

/**
 * Copies every row, compares both sides, and commits: all tables, or none.
 * @throws DatabaseError if the target has rows, or differs afterwards
 */
export async function copyTables(
  options: PostgresOptions,
  sqlitePath: string,
): Promise<readonly CopiedTable[]> {
  using source = new TableRows(sqlitePath);
  return await onTarget(options, (target) =>
    target.transaction().execute(async (tx) => {
      await checkEmpty(tx, source, options);
      const copied: CopiedTable[] = [];
      for (const table of source.tables()) copied.push(await copyTable(tx, source, table));
      return copied;
    }));
}

async function copyTable(
  tx: AnyTables,
  source: TableRows,
  table: TableShape,
): Promise<CopiedTable> {
  // With what an earlier attempt has left.
  const expected = await digestOf(tx, table);
  for (const rows of batches(source.rows(table), table.columns.length)) {
    for (const row of rows) expected.add(row);
    await insert(tx, table, rows);
  }
  const found = await digestOf(tx, table);
  if (found.rows !== expected.rows || found.digest !== expected.digest) {
    throw new DatabaseError(
      `Copy of table ${table.name} is wrong: it has ${
        countOf(found.rows, "row")
      } with digest ${found.digest}, ` +
        `and must have ${formatCount(expected.rows)} with ${expected.digest}; nothing was copied`,
    );
  }
  return { name: table.name, rows: found.rows, digest: found.digest };
}

/** Rows in parts that one statement can insert. */
function* batches(rows: Iterable<readonly Value[]>, columns: number): Generator<Value[][]> {
  const rowsMax = Math.min(ROWS_PER_INSERT_MAX, Math.floor(PARAMETERS_MAX / columns));
  let batch: Value[][] = [];
  let bytes = 0;
  for (const row of rows) {
    const kept = row.map(withoutNul);
    batch.push(kept);
    bytes += kept.reduce((sum: number, value) => sum + sizeOf(value), 0);
    if (batch.length < rowsMax && bytes < INSERT_BYTES_MAX) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

/** PostgreSQL takes no text with a NUL: as in its other writes, U+FFFD replaces it. */
function withoutNul(value: Value): Value {
  return typeof value === "string" ? value.replaceAll("\0", "\ufffd") : value;
}

function sizeOf(value: Value): number {
  return typeof value === "string" || value instanceof Uint8Array ? value.length : 0;
}

async function insert(
  tx: AnyTables,
  { name, columns }: TableShape,
  rows: readonly (readonly Value[])[],
): Promise<void> {
  const names = sql.join(columns.map((column) => sql.ref(column)));
  const values = sql.join(rows.map((row) => sql`(${sql.join(row)})`));
  await sql`insert into ${sql.table(name)} (${names}) values ${values}`.execute(tx);
}

async function digestOf(tx: AnyTables, { name, columns }: TableShape): Promise<TableDigest> {
  const digest = new TableDigest();
  const names = sql.join(columns.map((column) => sql.ref(column)));
  await sql`declare copied no scroll cursor for select ${names} from ${sql.table(name)}`
    .execute(tx);
  const fetch = sql<Record<string, Value>>`${sql.raw(`fetch ${ROWS_PER_FETCH} from copied`)}`;
  for (;;) {
    const { rows } = await fetch.execute(tx);
    for (const row of rows) digest.add(columns.map((column) => row[column] ?? null));
    if (rows.length === 0) break;
  }
  await sql`close copied`.execute(tx);
  return digest;
}
