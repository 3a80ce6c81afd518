/** How often and how many at a time the calls of a function start. */
import { countOf, formatDuration } from "../../config/mod.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { FieldViolation } from "../errors.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

/** Periods of the circuit breaker. UNSPECIFIED in a request means HOUR. */
export const CIRCUIT_BREAKER_PERIODS = [
  "CIRCUIT_BREAKER_PERIOD_UNSPECIFIED",
  "CIRCUIT_BREAKER_PERIOD_HOUR",
  "CIRCUIT_BREAKER_PERIOD_DAY",
  "CIRCUIT_BREAKER_PERIOD_WEEK",
  "CIRCUIT_BREAKER_PERIOD_MONTH",
] as const;
export type CircuitBreakerPeriod = (typeof CIRCUIT_BREAKER_PERIODS)[number];

const PERIOD_MS: Readonly<Record<CircuitBreakerPeriod, number>> = {
  CIRCUIT_BREAKER_PERIOD_UNSPECIFIED: HOUR_MS,
  CIRCUIT_BREAKER_PERIOD_HOUR: HOUR_MS,
  CIRCUIT_BREAKER_PERIOD_DAY: DAY_MS,
  CIRCUIT_BREAKER_PERIOD_WEEK: 7 * DAY_MS,
  CIRCUIT_BREAKER_PERIOD_MONTH: 30 * DAY_MS,
};

const POINTER_CHARS_MAX = 256;
const PER_KEY_MAX = 10_000;
const RATE_CALLS_MAX = 10_000;
const RATE_PERIOD_MIN_MS = 100;
const RATE_PERIOD_MAX_MS = 31 * DAY_MS;
const DEBOUNCE_MIN_MS = 10;
const DEBOUNCE_MAX_MS = 7 * DAY_MS;
const BREAKER_RUNS_MAX = 1_000_000_000;
/** Bound of a debounced burst without its own, as a multiple of the delay. */
const MAX_DELAY_FACTOR = 10;

/** The last of several calls with one key starts, once none has come for a time. Times are in milliseconds. */
export interface WantedDebounce {
  /** JSON Pointer into the input; empty or absent: all calls of the function. */
  readonly key?: string | undefined;
  readonly delay?: number | undefined;
  readonly maxDelay?: number | undefined;
}

/** Starts in any period, in milliseconds. */
export interface WantedRateLimit {
  readonly calls?: number | undefined;
  readonly period?: number | undefined;
}

/** What a caller can set; absent, empty and 0 mean no limit. */
export interface WantedFlow {
  /** JSON Pointer into the input. */
  readonly concurrencyKey?: string | undefined;
  readonly maxConcurrencyPerKey?: number | undefined;
  readonly debounce?: WantedDebounce | undefined;
  readonly rateLimit?: WantedRateLimit | undefined;
  readonly circuitBreakerMax?: number | undefined;
  readonly circuitBreakerPeriod?: CircuitBreakerPeriod | undefined;
}

/** The columns of these settings. */
type FlowColumns = Pick<
  FunctionRow,
  | "concurrencyKey"
  | "maxConcurrencyPerKey"
  | "debounce"
  | "rateLimit"
  | "circuitBreakerMax"
  | "circuitBreakerPeriod"
>;

/** The column of each setting. */
export const FLOW_COLUMN_OF = {
  concurrencyKey: ({ concurrencyKey }: WantedFlow) => ({ concurrencyKey: concurrencyKey || null }),
  maxConcurrencyPerKey: ({ maxConcurrencyPerKey }: WantedFlow) => ({
    maxConcurrencyPerKey: maxConcurrencyPerKey || null,
  }),
  debounce: ({ debounce }: WantedFlow) => ({
    debounce: debounce?.delay ? JSON.stringify(debounce) : null,
  }),
  rateLimit: ({ rateLimit }: WantedFlow) => ({
    rateLimit: rateLimit?.calls ? JSON.stringify(rateLimit) : null,
  }),
  circuitBreakerMax: ({ circuitBreakerMax }: WantedFlow) => ({
    circuitBreakerMax: circuitBreakerMax || null,
  }),
  circuitBreakerPeriod: ({ circuitBreakerPeriod }: WantedFlow) => ({
    circuitBreakerPeriod: periodOrNull(circuitBreakerPeriod),
  }),
} satisfies { readonly [S in keyof WantedFlow]-?: (wanted: WantedFlow) => Partial<FlowColumns> };

function periodOrNull(period?: CircuitBreakerPeriod): FunctionRow["circuitBreakerPeriod"] {
  return period === undefined || period === "CIRCUIT_BREAKER_PERIOD_UNSPECIFIED" ? null : period;
}

/** The limits of a function in force. */
export interface FlowLimits {
  readonly perKey: { readonly pointer: string; readonly max: number } | undefined;
  readonly debounce:
    | { readonly pointer: string; readonly delayMs: number; readonly maxDelayMs: number }
    | undefined;
  readonly rate: { readonly calls: number; readonly periodMs: number } | undefined;
  readonly breaker:
    | { readonly max: number; readonly periodMs: number; readonly isPaused: boolean }
    | undefined;
}

/** The limits of a function; undefined without any. */
export function flowLimitsOf(fn: FunctionRow): FlowLimits | undefined {
  const { concurrencyKey, debounce, rateLimit, circuitBreakerMax: max } = fn;
  if (concurrencyKey === null && debounce === null && rateLimit === null && max === null) {
    return undefined;
  }
  const burst = debounce === null ? undefined : JSON.parse(debounce) as WantedDebounce;
  const { delay = 0, maxDelay } = burst ?? {};
  const rate = rateLimit === null ? undefined : JSON.parse(rateLimit) as WantedRateLimit;
  const period = fn.circuitBreakerPeriod ?? "CIRCUIT_BREAKER_PERIOD_HOUR";
  return {
    perKey: concurrencyKey === null
      ? undefined
      : { pointer: concurrencyKey, max: fn.maxConcurrencyPerKey ?? 1 },
    debounce: burst && {
      pointer: burst.key ?? "",
      delayMs: delay,
      maxDelayMs: maxDelay || delay * MAX_DELAY_FACTOR,
    },
    rate: rate && { calls: rate.calls ?? 0, periodMs: rate.period ?? 0 },
    breaker: max === null
      ? undefined
      : { max, periodMs: PERIOD_MS[period], isPaused: fn.circuitBreakerPausedAt !== null },
  };
}

/** The faults of settings that change. @param prefix of the fields in the request */
export function flowFaults(wanted: WantedFlow, prefix: string): FieldViolation[] {
  const { debounce = {}, rateLimit = {} } = wanted;
  const calls = (count: number) => countOf(count, "call");
  const within = (
    name: string,
    value: number | undefined,
    [min, max]: readonly [number, number],
    format: (value: number) => string,
  ): FieldViolation[] =>
    !value || (value >= min && value <= max) ? [] : [{
      field: prefix + name,
      description: `${format(value)} is not between ${format(min)} and ${format(max)}`,
    }];
  const debounceRange = [DEBOUNCE_MIN_MS, DEBOUNCE_MAX_MS] as const;
  return [
    ...pointerFaults(wanted.concurrencyKey, `${prefix}concurrencyKey`),
    ...within("maxConcurrencyPerKey", wanted.maxConcurrencyPerKey, [1, PER_KEY_MAX], calls),
    ...pointerFaults(debounce.key, `${prefix}debounce.key`),
    ...within("debounce.delay", debounce.delay, debounceRange, formatDuration),
    ...within("debounce.maxDelay", debounce.maxDelay, debounceRange, formatDuration),
    ...missing(`${prefix}debounce.delay`, !debounce.delay && (debounce.key || debounce.maxDelay)),
    ...(debounce.maxDelay ?? Infinity) < (debounce.delay ?? 0) && debounce.maxDelay
      ? [{ field: `${prefix}debounce.maxDelay`, description: "is below the delay" }]
      : [],
    ...within("rateLimit.calls", rateLimit.calls, [1, RATE_CALLS_MAX], calls),
    ...within(
      "rateLimit.period",
      rateLimit.period,
      [RATE_PERIOD_MIN_MS, RATE_PERIOD_MAX_MS],
      formatDuration,
    ),
    ...missing(`${prefix}rateLimit.period`, rateLimit.calls && !rateLimit.period),
    ...missing(`${prefix}rateLimit.calls`, !rateLimit.calls && rateLimit.period),
    ...within("circuitBreakerMax", wanted.circuitBreakerMax, [1, BREAKER_RUNS_MAX], calls),
  ];
}

/** The fault of a limit for each value of a key that is not named. @param after the function after the change */
export function perKeyFaults(
  { concurrencyKey, maxConcurrencyPerKey }: Pick<
    FlowColumns,
    "concurrencyKey" | "maxConcurrencyPerKey"
  >,
  prefix: string,
): FieldViolation[] {
  if (concurrencyKey !== null || maxConcurrencyPerKey === null) return [];
  const field = `${prefix}maxConcurrencyPerKey`;
  return [{
    field,
    description:
      `${maxConcurrencyPerKey} has no effect without ${prefix}concurrencyKey; set both, or none`,
  }];
}

function missing(field: string, isMissing: unknown): FieldViolation[] {
  return isMissing ? [{ field, description: "is missing" }] : [];
}

function pointerFaults(pointer: string | undefined, field: string): FieldViolation[] {
  if (!pointer) return [];
  const isValid = /^(?:\/(?:[^~/]|~[01])*)+$/.test(pointer) && pointer.length <= POINTER_CHARS_MAX;
  if (isValid) return [];
  const description = `must be a JSON Pointer such as /user/id of at most ${POINTER_CHARS_MAX} ` +
    "characters (RFC 6901)";
  return [{ field, description }];
}
