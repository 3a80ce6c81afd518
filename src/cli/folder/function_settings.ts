import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { formatCount, formatDuration, parseDuration } from "../../config/units.ts";
import type { CircuitBreakerPeriod } from "../../domain/functions/flow_settings.ts";
import type { RemoteFunction } from "../client/schemas.ts";

const MS_PER_SECOND = 1000;

const DURATION_FAULT = `must be a duration with its unit, such as "500ms" or "30s"`;
/** A duration as flags take it, as the API has it. */
const duration = z.string({ error: DURATION_FAULT }).transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined) return `${(ms / MS_PER_SECOND).toFixed(ms % MS_PER_SECOND === 0 ? 0 : 3)}s`;
  context.addIssue({ code: "custom", message: DURATION_FAULT });
  return z.NEVER;
});
const count = z.number({ error: "must be a whole number" })
  .int({ error: "must be a whole number" }).min(0, { error: "must not be negative" });

/** An object of the API with some of these fields. */
function objectOf<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape).join(", ");
  return z.strictObject(shape, { error: `must be an object with some of ${names}` }).partial();
}

/** Where the ends of calls go; the secret is that of a URL. */
const DESTINATION = { functionId: z.string(), url: z.string(), secret: z.string() };

const PERIODS = [
  "CIRCUIT_BREAKER_PERIOD_UNSPECIFIED",
  "CIRCUIT_BREAKER_PERIOD_HOUR",
  "CIRCUIT_BREAKER_PERIOD_DAY",
  "CIRCUIT_BREAKER_PERIOD_WEEK",
  "CIRCUIT_BREAKER_PERIOD_MONTH",
] as const satisfies readonly CircuitBreakerPeriod[];

/** Settings of a function under the names that `invoked.json` and the API share, with their values in the API. */
export const SETTING_SCHEMAS = {
  timeout: duration,
  cpuTimeout: duration,
  memoryMib: count,
  maxConcurrency: count,
  retention: duration,
  provisionedConcurrency: count,
  /** Whether a process runs one call, or one after another. */
  processReuse: z.enum(["PROCESS_REUSE_NONE", "PROCESS_REUSE_SEQUENTIAL"], {
    error: "must be PROCESS_REUSE_NONE or PROCESS_REUSE_SEQUENTIAL",
  }),
  retryPolicy: objectOf({
    maxAttempts: count,
    initialBackoff: duration,
    maxBackoff: duration,
    retryOn: z.array(z.string()),
  }),
  onSuccess: objectOf(DESTINATION),
  onFailure: objectOf(DESTINATION),
  concurrencyKey: z.string(),
  maxConcurrencyPerKey: count,
  debounce: objectOf({ key: z.string(), delay: duration, maxDelay: duration }),
  rateLimit: objectOf({ calls: count, period: duration }),
  circuitBreakerMax: count,
  circuitBreakerPeriod: z.enum(PERIODS),
} as const;

export type SettingName = keyof typeof SETTING_SCHEMAS;
export const SETTING_NAMES = Object.keys(SETTING_SCHEMAS) as readonly SettingName[];

/** What resets a setting to the default of the server. */
export const SETTING_DEFAULTS = {
  timeout: "0s",
  cpuTimeout: "0s",
  memoryMib: 0,
  maxConcurrency: 0,
  retention: "0s",
  provisionedConcurrency: 0,
  processReuse: "PROCESS_REUSE_NONE",
  retryPolicy: {},
  onSuccess: {},
  onFailure: {},
  concurrencyKey: "",
  maxConcurrencyPerKey: 0,
  debounce: {},
  rateLimit: {},
  circuitBreakerMax: 0,
  circuitBreakerPeriod: "CIRCUIT_BREAKER_PERIOD_UNSPECIFIED",
} as const satisfies Record<SettingName, SettingValue>;

/** How `invoked settings set` takes each setting. */
export const SETTING_EXAMPLES = {
  timeout: "30s",
  cpuTimeout: "5s",
  memoryMib: "256",
  maxConcurrency: "10",
  retention: "7d",
  provisionedConcurrency: "1",
  processReuse: "PROCESS_REUSE_SEQUENTIAL",
  retryPolicy: `'{"maxAttempts": 3, "initialBackoff": "1s"}'`,
  onSuccess: `'{"functionId": "ID"}'`,
  onFailure: `'{"url": "https://example.com/failed"}'`,
  concurrencyKey: "/customer",
  maxConcurrencyPerKey: "1",
  debounce: `'{"key": "/id", "delay": "5s"}'`,
  rateLimit: `'{"calls": 100, "period": "1m"}'`,
  circuitBreakerMax: "1000",
  circuitBreakerPeriod: "CIRCUIT_BREAKER_PERIOD_DAY",
} as const satisfies Record<SettingName, string>;

/** A value of a setting in the API. */
export type SettingValue = string | number | Readonly<Record<string, unknown>>;

/** Values of settings in the API. */
export type SettingValues = {
  readonly [Name in SettingName]?: z.output<(typeof SETTING_SCHEMAS)[Name]> | undefined;
};

/** The settings of a function in words, by name: its own value, and what is in force. */
export function describeSettings(fn: RemoteFunction): [name: string, own: string, now: string][] {
  const { effectiveLimits: limits } = fn;
  return SETTING_NAMES.map((name) => {
    const value = fn[name];
    const own = isDeepStrictEqual(value, SETTING_DEFAULTS[name]) ? "" : describe(value);
    const inForce = name in limits ? limits[name as keyof typeof limits] : undefined;
    if (name === "retention" && own === "" && inForce === undefined) return [name, own, "for ever"];
    return [name, own, describe(inForce ?? value)];
  });
}

function describe(value: SettingValue): string {
  if (typeof value === "object") {
    return Object.keys(value).length === 0 ? "" : JSON.stringify(value);
  }
  if (typeof value === "number") return formatCount(value);
  const milliseconds = parseDuration(value);
  return milliseconds === undefined ? value : formatDuration(milliseconds);
}
