/** How often functions were invoked, how the invocations ended, and how long they took. */
import { formatCount, formatDuration } from "../../config/mod.ts";
import { firstIdOf } from "../../store/invocation_search.ts";
import type { Store } from "../../store/mod.ts";
import {
  classesOf,
  type CountedInvocations,
  type CountedStep,
  durationOf,
  type StatisticsFilter,
} from "../../store/statistics.ts";
import { invalid } from "../errors.ts";
import type { FunctionScope } from "../identity/mod.ts";
import { anyFunction } from "../references.ts";

const MS_PER_SECOND = 1000;
const MS_PER_DAY = 86_400_000;
const DEFAULT_RANGE_MS = MS_PER_DAY;
const DEFAULT_STEPS = 60;
const STEPS_MAX = 1000;
const RANGE_DAYS_MAX = 400;

/** The invocations of one step, of one function, or of both. */
export interface Counts {
  readonly calls: number;
  /** Failures by error code, or `HTTP_5XX` for answers with such a status. */
  readonly failures: ReadonlyMap<string, number>;
  /** Durations in microseconds, within 5 %; undefined without a measured invocation. */
  readonly p50Micros: number | undefined;
  readonly p99Micros: number | undefined;
  readonly cpuMicros: number;
}

/** The steps of a time; their starts, in milliseconds since 1970, are whole seconds. */
export interface Steps {
  readonly starts: readonly number[];
  readonly stepMs: number;
}

/** A time to count, as a request names it. */
interface StatisticsQuery {
  /** RFC 3339; 24 hours before `until` if absent. */
  readonly since: string | undefined;
  /** Exclusive; now if absent. Without both, steps begin at whole multiples of their length, and the last one is that of now. */
  readonly until: string | undefined;
  /** A 60th of the time if absent. */
  readonly stepMs: number | undefined;
}

/** What orders functions. */
export type StatisticsOrder = "calls" | "failures" | "p99" | "cpuTime";

/** The invocations of one function: in all, and in each step. */
export interface FunctionCounts {
  readonly functionId: string;
  readonly displayName: string;
  readonly counts: Counts;
  /** When its newest invocation was accepted, RFC 3339, whether or not that is in the time; undefined without one. */
  readonly newestAt: string | undefined;
  readonly calls: readonly number[];
  readonly failed: readonly number[];
}

/** Counts invocations by their rows. Purged invocations no longer count. */
export class Statistics {
  constructor(private readonly store: Store) {}

  /**
   * @param functionId undefined for all functions
   * @param within the functions that the caller may see
   * @throws FUNCTION_NOT_FOUND, INVALID_FIELD
   */
  async bySteps(
    functionId: string | undefined,
    query: StatisticsQuery,
    within: FunctionScope = "all",
  ): Promise<{ readonly steps: Steps; readonly counts: readonly Counts[] }> {
    const steps = stepsOf(query);
    const functionIds = functionId !== undefined
      ? [(await anyFunction(this.store.read, functionId)).id]
      : within === "all"
      ? undefined
      : [...within];
    const counted = await this.store.read.statistics.counted(filterOf(steps, functionIds));
    return { steps, counts: counted.map(({ all }) => new Tally(all).counts) };
  }

  /**
   * The functions that come first in an order. Functions without invocations come last if they are named, else not at
   * all.
   * @param functionIds undefined for all functions
   * @throws INVALID_FIELD
   */
  async byFunction(
    functionIds: readonly string[] | undefined,
    query: StatisticsQuery,
    { order, limit }: { readonly order: StatisticsOrder; readonly limit: number },
  ): Promise<readonly FunctionCounts[]> {
    const { statistics, functions } = this.store.read;
    const steps = stepsOf(query);
    const counted = await statistics.counted(filterOf(steps, functionIds));
    const tallies = await talliesOf(counted);
    const named = new Set(functionIds).difference(tallies);
    const all = [
      ...Array.from(tallies, ([functionId, { counts }]) => ({ functionId, counts }))
        .toSorted((a, b) => measureOf(b.counts, order) - measureOf(a.counts, order)),
      ...Array.from(named, (functionId) => ({ functionId, counts: new Tally().counts })),
    ];
    const ids = all.slice(0, limit).map(({ functionId }) => functionId);
    if (ids.length === 0) return [];
    const names = new Map(await functions.displayNames(ids));
    const newest = await statistics.newest(ids);
    const series = seriesOf(counted, new Set(ids));
    return all.slice(0, limit).filter(({ functionId }) => names.has(functionId))
      .map(({ functionId, counts }) => ({
        functionId,
        displayName: names.get(functionId) ?? "",
        counts,
        newestAt: newest.get(functionId),
        ...series.get(functionId) ?? { calls: [], failed: [] },
      }));
  }
}

/** Adds up invocations. */
class Tally {
  readonly #failures = new Map<string, number>();
  /** Invocations by class of durations. */
  readonly #classes = new Map<number, number>();
  #calls = 0;
  #cpuMicros = 0;

  constructor(counted: readonly CountedInvocations[] = []) {
    for (const invocations of counted) this.add(invocations);
  }

  add({ errorCode, calls, cpuMicros, durations }: CountedInvocations): void {
    this.#calls += calls;
    this.#cpuMicros += cpuMicros;
    if (errorCode !== null) {
      this.#failures.set(errorCode, (this.#failures.get(errorCode) ?? 0) + calls);
    }
    for (const [number, of] of classesOf(durations)) {
      this.#classes.set(number, (this.#classes.get(number) ?? 0) + of);
    }
  }

  get counts(): Counts {
    const classes = [...this.#classes].toSorted(([a], [b]) => a - b);
    return {
      calls: this.#calls,
      failures: this.#failures,
      p50Micros: percentile(classes, 0.5),
      p99Micros: percentile(classes, 0.99),
      cpuMicros: this.#cpuMicros,
    };
  }
}

/** The invocations of each function, in all steps. Other work runs between two steps, each of which may have many rows. */
async function talliesOf(counted: readonly CountedStep[]): Promise<ReadonlyMap<string, Tally>> {
  const tallies = new Map<string, Tally>();
  for (const { byFunction } of counted) {
    for (const invocations of byFunction) {
      const tally = tallies.get(invocations.functionId) ?? new Tally();
      tallies.set(invocations.functionId, tally);
      tally.add(invocations);
    }
    if (byFunction.length > 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return tallies;
}

/** The invocations of these functions in each step, and how many of them failed. */
function seriesOf(counted: readonly CountedStep[], functionIds: ReadonlySet<string>) {
  const zeros = () => counted.map(() => 0);
  const series = new Map(
    Array.from(functionIds, (id) => [id, { calls: zeros(), failed: zeros() }] as const),
  );
  for (const [n, { byFunction }] of counted.entries()) {
    for (const { functionId, errorCode, calls } of byFunction) {
      const of = series.get(functionId);
      if (of === undefined) continue;
      of.calls[n] = (of.calls[n] ?? 0) + calls;
      if (errorCode !== null) of.failed[n] = (of.failed[n] ?? 0) + calls;
    }
  }
  return series;
}

/** @param classes numbers and counts, ascending */
function percentile(
  classes: readonly (readonly [number: number, calls: number])[],
  share: number,
): number | undefined {
  const all = classes.reduce((sum, [, calls]) => sum + calls, 0);
  let left = Math.max(1, Math.ceil(share * all));
  for (const [number, calls] of classes) {
    left -= calls;
    if (left <= 0) return durationOf(number);
  }
  return undefined;
}

function measureOf({ calls, failures, p99Micros = 0, cpuMicros }: Counts, order: StatisticsOrder) {
  const failed = () => failures.values().reduce((sum, count) => sum + count, 0);
  return { calls: () => calls, failures: failed, p99: () => p99Micros, cpuTime: () => cpuMicros }
    [order]();
}

function filterOf(
  { starts, stepMs }: Steps,
  functionIds: readonly string[] | undefined,
): StatisticsFilter {
  const idOf = (ms: number) => firstIdOf(new Date(ms).toISOString());
  const steps = starts.map((start) => ({ from: idOf(start), before: idOf(start + stepMs) }));
  return { steps, functionIds };
}

/** Ids have a second of time, so steps begin and end at whole ones. @throws INVALID_FIELD */
function stepsOf({ since, until, stepMs }: StatisticsQuery): Steps {
  // An invocation of this moment counts.
  const end = wholeSecond(until === undefined ? Date.now() + MS_PER_SECOND : Date.parse(until));
  const start = since === undefined ? end - DEFAULT_RANGE_MS : wholeSecond(Date.parse(since));
  const range = end - start;
  if (range <= 0) throw invalid({ field: "since", description: "must be before until" });
  if (range > RANGE_DAYS_MAX * MS_PER_DAY) {
    const description = `is ${
      formatDuration(range)
    } before until, the limit is ${RANGE_DAYS_MAX} d`;
    throw invalid({ field: "since", description });
  }
  const step = stepMs ?? Math.ceil(range / DEFAULT_STEPS / MS_PER_SECOND) * MS_PER_SECOND;
  if (step <= 0 || step % MS_PER_SECOND !== 0) {
    throw invalid({
      field: "step",
      description: `${formatDuration(step)} is not a whole number of seconds from 1 s on`,
    });
  }
  const count = Math.ceil(range / step);
  if (count > STEPS_MAX) {
    const description = `makes ${formatCount(count)} steps, the limit is ${
      formatCount(STEPS_MAX)
    }; name a longer one`;
    throw invalid({ field: "step", description });
  }
  // The steps of the next request are the same, and counted already.
  const first = since === undefined && until === undefined
    ? Math.ceil(end / step) * step - count * step
    : start;
  return { starts: Array.from({ length: count }, (_, n) => first + n * step), stepMs: step };
}

function wholeSecond(ms: number): number {
  return Math.floor(ms / MS_PER_SECOND) * MS_PER_SECOND;
}
