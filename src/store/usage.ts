/** What invocations used: sums by UTC day, function and principal, which outlive the invocations. */
import { type Kysely, sql } from "kysely";
import { Statement, type StatementRunner } from "./grouped_writer.ts";
import type { Page, PageRequest } from "./paging.ts";
import type { Schema } from "./schema.ts";
import { UsageRows } from "./usage_rows.ts";
import type { UsageSums, UsageTable } from "./usage_tables.ts";

/** The UTC day of a time, which is RFC 3339 in UTC. */
export function dayOf(time: string): string {
  return time.slice(0, "2026-01-31".length);
}

/** What usage is grouped by, in the order of columns. */
export const USAGE_DIMENSIONS = ["day", "function", "principal"] as const;
export type UsageDimension = typeof USAGE_DIMENSIONS[number];

const COLUMNS = {
  day: "day",
  function: "function_id",
  principal: "principal_id",
} as const satisfies Record<UsageDimension, string>;

/** The usage that is summed up. */
export interface UsageFilter {
  /** The first day and the last day, both inclusive. */
  readonly from: string;
  readonly to: string;
  /** Undefined for all functions. */
  readonly functionIds: readonly string[] | undefined;
  readonly principalId: string | undefined;
}

/** The usage of one group, with the dimensions by which it is grouped. */
export type UsageGroup =
  & Readonly<UsageSums>
  & Partial<Readonly<Pick<UsageTable, "day" | "functionId" | "principalId">>>;

const SUMS = Object.keys(
  {
    invocations: true,
    errors: true,
    attempts: true,
    cpuMicros: true,
    wallMicros: true,
    memoryMibMillis: true,
    egressBytes: true,
    volumeBytes: true,
  } satisfies Record<keyof UsageSums, true>,
) as (keyof UsageSums)[];

const summed = () =>
  sql.join(SUMS.map((name) => sql`coalesce(sum(${sql.ref(name)}), 0) as ${sql.ref(name)}`));

/** Sums up usage beside the event loop. */
export class UsageReader {
  /** @param db runs single queries */
  constructor(private readonly db: Kysely<Schema>) {}

  /** What all of it sums up to. */
  async total(filter: UsageFilter): Promise<UsageSums> {
    const { rows: [row] } = await sql<UsageSums>`
      select ${summed()} from ${sql.table("usage")} where ${isIn(filter)}`.execute(this.db);
    return sumsOf(row as UsageSums);
  }

  /**
   * A page of groups. Groups with a day come in the order of their days and ids. Other groups begin with the most
   * memory time: a page has no group that the page before it had, unless its usage shrank.
   * @param by at least one dimension
   */
  async groups(
    filter: UsageFilter,
    by: readonly UsageDimension[],
    { size, after }: PageRequest,
  ): Promise<Page<UsageGroup>> {
    const names = USAGE_DIMENSIONS.filter((name) => by.includes(name)).map((name) => COLUMNS[name]);
    const keys = sql.join(names.map((name) => sql.raw(name)));
    const position = after === undefined ? undefined : JSON.parse(after) as (string | number)[];
    const isByDay = by.includes("day");
    const values = position && sql.join(position);
    const within = values && isByDay ? sql`and (${keys}) > (${values})` : sql``;
    const beyond = values && !isByDay
      ? sql`where (-memory_mib_millis, ${keys}) > (${values})`
      : sql``;
    const order = isByDay ? keys : sql`-memory_mib_millis, ${keys}`;
    const { rows } = await sql<UsageGroup>`
      select * from (
        select ${keys}, ${summed()} from ${sql.table("usage")} where ${isIn(filter)} ${within}
        group by ${keys}) as groups
      ${beyond} order by ${order} limit ${size + 1}`.execute(this.db);
    const page = rows.slice(0, size).map((row) => ({ ...row, ...sumsOf(row) }));
    const last = rows.length > size ? page.at(-1) : undefined;
    return { rows: page, next: last && JSON.stringify(positionOf(last, isByDay)) };
  }
}

function positionOf(
  { day, functionId, principalId, memoryMibMillis }: UsageGroup,
  isByDay: boolean,
): readonly (string | number)[] {
  const keys = [day, functionId, principalId].filter((key) => key !== undefined);
  return isByDay ? keys : [-memoryMibMillis, ...keys];
}

function isIn({ from, to, functionIds, principalId }: UsageFilter) {
  const ofFunctions = functionIds === undefined
    ? sql``
    : functionIds.length === 0
    ? sql`and false`
    : sql`and function_id in (${sql.join(functionIds)})`;
  const ofPrincipal = principalId === undefined ? sql`` : sql`and principal_id = ${principalId}`;
  return sql`day >= ${from} and day <= ${to} ${ofFunctions} ${ofPrincipal}`;
}

/** PostgreSQL answers sums as texts. */
function sumsOf(row: UsageSums): UsageSums {
  return Object.fromEntries(SUMS.map((name) => [name, Number(row[name])])) as unknown as UsageSums;
}

/** Adds usage, in the transaction of the end that causes it. */
export class UsageWriter {
  readonly #add: Statement<UsageTable>;
  readonly #rows: UsageRows;

  /** @param isShared whether several processes write to the database */
  constructor(db: Kysely<Schema>, statements: StatementRunner, isShared: boolean) {
    this.#rows = new UsageRows(isShared);
    this.#add = new Statement(statements, (variable) => {
      const keys = ["day", "functionId", "principalId", "writer"] as const;
      const row = Object.fromEntries([...keys, ...SUMS].map((name) => [name, variable(name)]));
      return db.insertInto("usage").values(row as unknown as UsageTable)
        .onConflict((c) =>
          c.columns(keys).doUpdateSet(({ eb, ref }) =>
            Object.fromEntries(
              SUMS.map((name) => [name, eb(`usage.${name}`, "+", ref(`excluded.${name}`))]),
            )
          )
        );
    });
  }

  /** Adds to the sums of a day; a failure fails the transaction, even though nobody waits for the statement. */
  add(used: Omit<UsageTable, "writer">): void {
    const { day, functionId, principalId } = used;
    const writer = this.#rows.writerFor([day, functionId, principalId]);
    this.#add.send({ ...used, writer });
  }
}
