import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Capabilities } from "./dialect.ts";
import type { Schema } from "./schema.ts";

/** The ids of the calls of a step: from the first, before the last. */
export interface StepIds {
  readonly from: string;
  readonly before: string;
}

/** Which calls are counted. Skipped ones never are. */
export interface StatisticsFilter {
  readonly steps: readonly StepIds[];
  /** Undefined for all functions. */
  readonly functionIds: readonly string[] | undefined;
}

/** Calls with the same key, word of the error, and class of durations. */
export interface CountedCalls {
  /** Number of the step, or id of the function. */
  readonly key: string | number;
  /** Null unless they failed. */
  readonly word: string | null;
  /** See {@link durationOf}; null if no duration is known, as before the end. */
  readonly class: number | null;
  readonly calls: number;
  readonly cpuMicros: number;
}

/** Calls of a function in a step. */
export interface CountedSteps {
  readonly functionId: string;
  readonly step: number;
  readonly calls: number;
  readonly failed: number;
}

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

/** Counts calls beside the event loop: each query reads the rows of its time. */
export class StatisticsReader {
  /** @param db runs single queries */
  constructor(
    private readonly db: Kysely<Schema>,
    private readonly capabilities: Capabilities,
  ) {}

  /** Calls by step, or by function. */
  async counted(
    filter: StatisticsFilter,
    key: "step" | "functionId",
  ): Promise<readonly CountedCalls[]> {
    const { positionOf } = this.capabilities;
    const column = sql.raw(key === "step" ? "n" : "function_id");
    const word = sql.raw(
      `case when status = 'ERROR' then substr(error, 1, ${positionOf}(error, ':') - 1) end`,
    );
    const { rows } = await sql<Record<keyof CountedCalls, string | number | null>>`
      with steps(n, first_id, before_id) as (${stepsOf(filter)})
      select ${column} as key, ${word} as word, ${sql.raw(CLASS)} as class,
        count(*) as calls, coalesce(sum(cpu_micros), 0) as cpu_micros
      from ${callsOf(filter)}
      group by 1, 2, 3`.execute(this.db);
    return rows.map((row) => ({
      key: key === "step" ? Number(row.key) : String(row.key),
      word: row.word as string | null,
      class: row.class === null ? null : Number(row.class),
      calls: Number(row.calls),
      cpuMicros: Number(row.cpuMicros),
    }));
  }

  /** Calls of functions by step; only steps with calls. */
  async series(filter: StatisticsFilter): Promise<readonly CountedSteps[]> {
    const { rows } = await sql<Record<keyof CountedSteps, string | number>>`
      with steps(n, first_id, before_id) as (${stepsOf(filter)})
      select function_id, n as step, count(*) as calls,
        sum(case when status = 'ERROR' then 1 else 0 end) as failed
      from ${callsOf(filter)}
      group by 1, 2`.execute(this.db);
    return rows.map(({ functionId, step, calls, failed }) => ({
      functionId: String(functionId),
      step: Number(step),
      calls: Number(calls),
      failed: Number(failed),
    }));
  }
}

/** The steps as rows. A cross join keeps SQLite from reading the calls first. */
function stepsOf({ steps }: StatisticsFilter): RawBuilder<unknown> {
  const rows = steps.map(({ from, before }, n) => sql`(${sql.lit(n)}, ${from}, ${before})`);
  return sql`values ${sql.join(rows)}`;
}

function callsOf({ functionIds }: StatisticsFilter): RawBuilder<unknown> {
  const ofFunctions = functionIds === undefined
    ? sql``
    : sql`and function_id in (${sql.join(functionIds)})`;
  return sql`steps cross join invocations
    where id >= first_id and id < before_id and skip_reason is null ${ofFunctions}`;
}
