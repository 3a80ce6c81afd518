/** Verifies the database: its pages, and that each row that another row names is there. */
import type { DatabaseSync } from "node:sqlite";
import { type Affected, AFFECTED_MAX, type Damage } from "./damages.ts";
import { functionNamed } from "./contents.ts";

/** Damaged pages that are listed. */
const PAGES_MAX = 100;

/** References that no foreign key declares. Null names nothing. */
const UNDECLARED: readonly (readonly [table: string, column: string, parent: string])[] = [
  ["functions", "head", "commits"],
  ["functions", "published_commit_id", "commits"],
  ["destination_secrets", "function_id", "functions"],
  ["delayed_calls", "invocation_id", "invocations"],
  ["outbox", "invocation_id", "invocations"],
  ["federation_trusts", "provider_id", "federation_providers"],
];

/** The columns of a row that name a resource. */
const RESOURCES: Readonly<Record<string, Affected["type"]>> = {
  function_id: "function",
  commit_id: "commit",
  volume_id: "volume",
  invocation_id: "invocation",
  trigger_id: "trigger",
  principal_id: "principal",
};
/** The resource that each row of a table is. */
const OWN: Readonly<Record<string, Affected["type"]>> = {
  functions: "function",
  commits: "commit",
  volumes: "volume",
  invocations: "invocation",
  triggers: "trigger",
  principals: "principal",
};

/** Reads every page and every index. */
export function* pageDamages(db: DatabaseSync): Generator<Damage> {
  const rows = db.prepare(`PRAGMA integrity_check(${PAGES_MAX})`).all();
  for (const row of rows) {
    const failure = `${Object.values(row)[0]}`;
    if (failure === "ok") continue;
    const message = `the database is damaged: ${failure.replaceAll("\n", "; ")}`;
    yield { kind: "database", message, affects: [] };
  }
}

/** Looks for each row that another row names. */
export function* referenceDamages(db: DatabaseSync): Generator<Damage> {
  for (const { table, rowid, parent, fkid } of db.prepare("PRAGMA foreign_key_check").iterate()) {
    const keys = db.prepare(`PRAGMA foreign_key_list("${table}")`).all();
    const column = `${keys.find(({ id }) => id === fkid)?.["from"]}`;
    const row = rowid === null
      ? undefined
      : db.prepare(`SELECT * FROM "${table}" WHERE rowid = ?`).get(rowid as number);
    yield missing(db, `${table}`, column, `${parent}`, row);
  }
  for (const [table, column, parent] of UNDECLARED) {
    const query = `SELECT * FROM ${table} WHERE ${column} IS NOT NULL AND NOT EXISTS ` +
      `(SELECT 1 FROM ${parent} WHERE ${parent}.id = ${table}.${column})`;
    for (const row of db.prepare(query).iterate()) yield missing(db, table, column, parent, row);
  }
}

type Row = Readonly<Record<string, unknown>>;

function missing(
  db: DatabaseSync,
  table: string,
  column: string,
  parent: string,
  row: Row | undefined,
): Damage {
  const named = row === undefined ? "" : ` ${row[column]}`;
  return {
    kind: "reference",
    message: `table ${parent} lacks the row${named} that column ${column} of table ${table} names`,
    affects: row === undefined ? [] : resourcesOf(db, table, row),
  };
}

function resourcesOf(db: DatabaseSync, table: string, row: Row): Affected[] {
  const own = OWN[table];
  const affected: Affected[] = own === undefined || typeof row["id"] !== "string"
    ? []
    : [{ type: own, id: row["id"] }];
  for (const [column, type] of Object.entries(RESOURCES)) {
    const id = row[column];
    if (typeof id === "string") affected.push({ type, id });
  }
  return affected.slice(0, AFFECTED_MAX).map((each) =>
    each.type === "function" ? functionNamed(db, each.id) : each
  );
}
