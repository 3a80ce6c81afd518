/** How often the invocations of a function start, and how many run at a time. */
import { FUNCTION_SETTINGS, type FunctionSettings } from "../../resources/functions.ts";
import type { CIRCUIT_BREAKER_PERIODS } from "../../resources/words.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { FieldViolation } from "../errors.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

type CircuitBreakerPeriod = (typeof CIRCUIT_BREAKER_PERIODS)[number];

const PERIOD_MS: Readonly<Record<CircuitBreakerPeriod, number>> = {
  CIRCUIT_BREAKER_PERIOD_UNSPECIFIED: HOUR_MS,
  CIRCUIT_BREAKER_PERIOD_HOUR: HOUR_MS,
  CIRCUIT_BREAKER_PERIOD_DAY: DAY_MS,
  CIRCUIT_BREAKER_PERIOD_WEEK: 7 * DAY_MS,
  CIRCUIT_BREAKER_PERIOD_MONTH: 30 * DAY_MS,
};

/** Bound of a debounced burst without its own, as a multiple of the delay. */
const MAX_DELAY_FACTOR = 10;

type Wanted<Name extends keyof FunctionSettings> = NonNullable<FunctionSettings[Name]>;

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
  const burst = debounce === null ? undefined : JSON.parse(debounce) as Wanted<"debounce">;
  const { delay = 0, maxDelay } = burst ?? {};
  const rate = rateLimit === null ? undefined : JSON.parse(rateLimit) as Wanted<"rateLimit">;
  const { maxConcurrencyPerKey, circuitBreakerPeriod } = FUNCTION_SETTINGS;
  const period = fn.circuitBreakerPeriod ?? circuitBreakerPeriod.unset.inForce;
  return {
    perKey: concurrencyKey === null ? undefined : {
      pointer: concurrencyKey,
      max: fn.maxConcurrencyPerKey ?? maxConcurrencyPerKey.unset.inForce,
    },
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

/** The violations of settings that belong together. @param prefix of the fields in the request */
export function flowViolations(wanted: FunctionSettings, prefix: string): FieldViolation[] {
  const { debounce = {}, rateLimit = {} } = wanted;
  return [
    ...missing(`${prefix}debounce.delay`, !debounce.delay && (debounce.key || debounce.maxDelay)),
    ...(debounce.maxDelay ?? Infinity) < (debounce.delay ?? 0) && debounce.maxDelay
      ? [{ field: `${prefix}debounce.maxDelay`, description: "is below the delay" }]
      : [],
    ...missing(`${prefix}rateLimit.period`, rateLimit.calls && !rateLimit.period),
    ...missing(`${prefix}rateLimit.calls`, !rateLimit.calls && rateLimit.period),
  ];
}

/** The violation of a limit for each value of a key that is not named. @param after the function after the change */
export function perKeyViolations(
  { concurrencyKey, maxConcurrencyPerKey }: Pick<
    FunctionRow,
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
