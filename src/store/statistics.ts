import { LRUCache } from "lru-cache";
import { type Kysely, type RawBuilder, sql } from "kysely";
import { firstIdOf } from "./invocation_search.ts";
import { FAILURE } from "./failures.ts";
import { countRows } from "./paging.ts";
import type { Schema } from "./schema.ts";

/** The ids of the invocations of a step: from the first, before the last. */
interface StepIds {
  readonly from: string;
  readonly before: string;
}

/** The invocations that are counted. Skipped ones are never counted. */
export interface StatisticsFilter {
  readonly steps: readonly StepIds[];
  /** Undefined for all functions. */
  readonly functionIds: readonly string[] | undefined;
}

/** Invocations with the same error code. */
export interface CountedInvocations {
  /** See `failures.ts`; null unless they failed. */
  readonly errorCode: string | null;
  readonly calls: number;
  readonly cpuMicros: number;
  /**
   * How many of them have durations of each class (see {@link durationOf}), as text: `3:1,17:20`. An invocation whose
   * duration is not known, as before its end, is in no class. A busy step has thousands of counts: objects would cost
   * the event loop more.
   */
  readonly durations: string;
}

/** Invocations by class of durations, as {@link CountedInvocations} has them. */
export function* classesOf(durations: string): Iterable<readonly [number: number, calls: number]> {
  if (durations === "") return;
  for (const pair of durations.split(",")) {
    const at = pair.indexOf(":");
    yield [Number(pair.slice(0, at)), Number(pair.slice(at + 1))];
  }
}

/** The invocations of a step. */
export interface CountedStep {
  readonly byFunction: readonly (CountedInvocations & { readonly functionId: string })[];
  /** The counts of all functions together. */
  readonly all: readonly CountedInvocations[];
}

/** The rows of a step: while both numbers stay, so does what is counted in it. */
interface StepRows {
  /** Includes skipped invocations. A purge lowers it. */
  readonly found: number;
  readonly unfinished: number;
}

/** Memory of the counts that are kept, roughly. */
const KEPT_BYTES_MAX = 32 * 1024 * 1024;
/** Of one count, without the text of its durations. */
const BYTES_PER_COUNT = 150;
/** Counts of few steps at a time, so that the event loop does not wait for their rows. */
const STEPS_PER_QUERY = 8;
/** After every id. */
const LAST_ID = "~";
/** A row with an earlier id is committed by then: the step of earlier ids gets none any more. */
const SETTLED_AFTER_MS = 60_000;

/** Classes of durations grow by a tenth, from 100 us to more than 2 h: the middle of one is within 5 % of each of its durations. */
const CLASSES = 192;
const FIRST_MICROS = 100;
const GROWTH = 1.1;

/** The middle of a class of durations, in microseconds. */
export function durationOf(number: number): number {
  return FIRST_MICROS * GROWTH ** (number - 0.5);
}

/** The longest duration of a class. */
function limitOf(number: number): number {
  return Math.floor(FIRST_MICROS * GROWTH ** number);
}

/** The class of a duration, as SQL: a search in halves. */
function classOf(first = 0, last = CLASSES - 1): string {
  if (first === last) return `${first}`;
  const middle = Math.floor((first + last) / 2);
  return `case when duration_micros <= ${limitOf(middle)} then ${classOf(first, middle)} else ${
    classOf(middle + 1, last)
  } end`;
}

const CLASS = `case when duration_micros is not null then ${classOf()} end`;
/** In the words of the partial index. */
const UNFINISHED = "status <> 'SUCCESS' and status in ('PENDING', 'RUNNING')";

/**
 * Counts invocations beside the event loop. It keeps what it has counted in steps that are over: their rows only end,
 * or are purged, and two counts in indexes show both.
 */
export class StatisticsReader {
  readonly #kept = new LRUCache<string, CountedStep & StepRows>({
    maxSize: KEPT_BYTES_MAX,
    sizeCalculation: ({ byFunction, all }) => BYTES_PER_COUNT + bytesOf(byFunction) + bytesOf(all),
  });
  /** The last request of each filter: the next request finds its counts. */
  readonly #turns = new Map<string, Promise<unknown>>();

  /** @param db runs single queries */
  constructor(private readonly db: Kysely<Schema>) {}

  /** The number of dead letters of all functions. @param since when the first of them was parked */
  async countDeadLetters(since?: string): Promise<number> {
    let query = this.db.selectFrom("invocations").where("parkedAt", "is not", null);
    if (since !== undefined) query = query.where("parkedAt", ">=", since);
    return await countRows(query);
  }

  /** The invocations of each step. */
  async counted(filter: StatisticsFilter): Promise<readonly CountedStep[]> {
    const name = filter.functionIds?.toSorted().join() ?? "";
    const earlier = this.#turns.get(name);
    const turn = (async () => {
      await earlier?.catch(() => {});
      return await this.#count(filter, name);
    })();
    this.#turns.set(name, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(name) === turn) this.#turns.delete(name);
    }
  }

  /**
   * When the newest invocation of each of these functions was accepted, including skipped invocations; without
   * functions that have no invocation.
   */
  async newest(functionIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (functionIds.length === 0) return new Map();
    // One look-up in the index by function and id for each function: no other index has this order.
    const { rows } = await sql<{ functionId: string; createdAt: string | null }>`
      select id as function_id, (
          select case when function_id = functions.id then created_at end from invocations
          where (function_id, id) <= (functions.id, ${LAST_ID})
          order by function_id desc, id desc limit 1) as created_at
      from functions where id in (${sql.join(functionIds)})`.execute(this.db);
    return new Map(
      rows.flatMap(({ functionId, createdAt }) =>
        createdAt === null ? [] : [[functionId, createdAt] as const]
      ),
    );
  }

  async #count(filter: StatisticsFilter, name: string): Promise<readonly CountedStep[]> {
    const keyOf = ({ from, before }: StepIds) => `${from} ${before} ${name}`;
    const settled = firstIdOf(new Date(Date.now() - SETTLED_AFTER_MS).toISOString());
    const counted = await this.#unchanged(filter, keyOf);
    const missing = filter.steps.filter((step) => !counted.has(step));
    for (let at = 0; at < missing.length; at += STEPS_PER_QUERY) {
      const steps = missing.slice(at, at + STEPS_PER_QUERY);
      for (const [n, step] of (await this.#read({ ...filter, steps })).entries()) {
        const ids = steps[n] as StepIds;
        counted.set(ids, step);
        if (ids.before <= settled) this.#kept.set(keyOf(ids), step);
      }
    }
    return filter.steps.map((step) => counted.get(step) as CountedStep);
  }

  /** The kept steps whose rows are the same. */
  async #unchanged(
    filter: StatisticsFilter,
    keyOf: (step: StepIds) => string,
  ): Promise<Map<StepIds, CountedStep>> {
    const steps = filter.steps.filter((step) => this.#kept.has(keyOf(step)));
    const rows = steps.length === 0 ? [] : await this.#rows({ ...filter, steps });
    const unchanged = new Map<StepIds, CountedStep>();
    for (const [n, step] of steps.entries()) {
      const kept = this.#kept.get(keyOf(step));
      if (kept?.found === rows[n]?.found && kept?.unfinished === rows[n]?.unfinished) {
        if (kept !== undefined) unchanged.set(step, kept);
      }
    }
    return unchanged;
  }

  /** Reads no row, and sorts none: indexes have what it needs. */
  async #rows(filter: StatisticsFilter): Promise<readonly StepRows[]> {
    const { steps, functionIds } = filter;
    const first = steps.reduce((least, { from }) => from < least ? from : least, "~");
    const last = steps.reduce((greatest, { before }) => before > greatest ? before : greatest, "");
    const found = await sql<{ step: number; count: number }>`
      with steps(n, first_id, before_id) as (${stepsOf(filter)})
      select n as step, (select count(*) from invocations where ${isIn(filter)}) as count
      from steps`.execute(this.db);
    const ids = functionIds === undefined ? sql`select id from functions` : sql.join(functionIds);
    const unfinished = await sql<{ step: number; count: number }>`
      with steps(n, first_id, before_id) as (${stepsOf(filter)}),
        unfinished as materialized (select id from invocations
          where ${sql.raw(UNFINISHED)} and function_id in (${ids})
            and id >= ${first} and id < ${last})
      select n as step, count(*) as count from steps cross join unfinished
        where id >= first_id and id < before_id
      group by n`.execute(this.db);
    const countsOf = ({ rows }: typeof found) =>
      new Map(rows.map(({ step, count }) => [Number(step), Number(count)]));
    const [all, some] = [countsOf(found), countsOf(unfinished)];
    return steps.map((_, n) => ({ found: all.get(n) ?? 0, unfinished: some.get(n) ?? 0 }));
  }

  async #read(filter: StatisticsFilter): Promise<readonly (CountedStep & StepRows)[]> {
    const { rows } = await sql<Record<keyof ReadRow, string | number | null>>`
      with steps(n, first_id, before_id) as (${stepsOf(filter)}),
        counted as (select n as step, function_id, ${FAILURE} as error_code, ${
      sql.raw(CLASS)
    } as class,
          sum(case when skip_reason is null then 1 else 0 end) as calls,
          coalesce(sum(cpu_micros), 0) as cpu_micros, count(*) as found,
          sum(case when ${sql.raw(UNFINISHED)} then 1 else 0 end) as unfinished
        from ${rowsOf(filter)}
        group by 1, 2, 3, 4)
      select step, function_id, error_code, sum(calls) as calls, sum(cpu_micros) as cpu_micros,
        sum(found) as found, sum(unfinished) as unfinished,
        string_agg(case when calls > 0 then class || ':' || calls end, ',') as durations
      from counted
      group by 1, 2, 3`.execute(this.db);
    const byStep = Map.groupBy(rows, ({ step }) => Number(step));
    return filter.steps.map((_, n) =>
      stepOf((byStep.get(n) ?? []).map((row) => ({
        functionId: String(row.functionId),
        errorCode: row.errorCode as string | null,
        durations: String(row.durations ?? ""),
        calls: Number(row.calls),
        cpuMicros: Number(row.cpuMicros),
        found: Number(row.found),
        unfinished: Number(row.unfinished),
      })))
    );
  }
}

interface ReadRow extends CountedInvocations, StepRows {
  readonly step: number;
  readonly functionId: string;
}

function stepOf(rows: readonly Omit<ReadRow, "step">[]): CountedStep & StepRows {
  const byFunction = [];
  let [found, unfinished] = [0, 0];
  for (const { found: ofRow, unfinished: unfinishedOfRow, ...counted } of rows) {
    found += ofRow;
    unfinished += unfinishedOfRow;
    if (counted.calls > 0) byFunction.push(counted);
  }
  const byCode = Map.groupBy(byFunction, ({ errorCode }) => errorCode);
  return {
    byFunction,
    all: Array.from(byCode, ([errorCode, of]) => sumOf(errorCode, of)),
    found,
    unfinished,
  };
}

/** The invocations of all functions with one error code. */
function sumOf(
  errorCode: string | null,
  counted: readonly CountedInvocations[],
): CountedInvocations {
  const classes = new Map<number, number>();
  let [calls, cpuMicros] = [0, 0];
  for (const one of counted) {
    calls += one.calls;
    cpuMicros += one.cpuMicros;
    for (const [number, of] of classesOf(one.durations)) {
      classes.set(number, (classes.get(number) ?? 0) + of);
    }
  }
  const durations = Array.from(classes, ([number, of]) => `${number}:${of}`).join();
  return { errorCode, calls, cpuMicros, durations };
}

function bytesOf(counted: readonly CountedInvocations[]): number {
  return counted.reduce((sum, { durations }) => sum + durations.length + BYTES_PER_COUNT, 0);
}

/** The steps as rows. */
function stepsOf({ steps }: StatisticsFilter): RawBuilder<unknown> {
  const rows = steps.map(({ from, before }, n) => sql`(${sql.lit(n)}, ${from}, ${before})`);
  return sql`values ${sql.join(rows)}`;
}

/** The rows of the steps, including skipped invocations. A cross join keeps SQLite from reading them first. */
function rowsOf(filter: StatisticsFilter): RawBuilder<unknown> {
  return sql`steps cross join invocations where ${isIn(filter)}`;
}

/** Whether a row is one of a step. */
function isIn({ functionIds }: StatisticsFilter): RawBuilder<unknown> {
  const ofFunctions = functionIds === undefined
    ? sql``
    : sql`and function_id in (${sql.join(functionIds)})`;
  return sql`id >= first_id and id < before_id ${ofFunctions}`;
}
