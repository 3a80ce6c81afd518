/**
 * The settings of a function, each written once. From here follow: requests, answers, OpenAPI, columns, update masks,
 * ranges, `invoked.json` and its JSON Schema, `invoked settings`, the types of `@c1/functions-sdk`, the console's fields
 * and the docs.
 */
import {
  type Columns,
  type Fields,
  type InFile,
  type Json,
  NONE,
  type Settable,
  type Wanted,
} from "./field.ts";
import { DESTINATION } from "./destinations.ts";
import { FUNCTIONS_DEVELOPER, FUNCTIONS_INVOKER, OWNER, VIEWER } from "./roles.ts";
import { FUNCTION_TENANT } from "./tenants.ts";
import {
  CIRCUIT_BREAKER_PERIODS,
  EVALUATIONS,
  FUNCTION_TYPES,
  PROCESS_REUSES,
  RETRYABLE_WORDS,
} from "./words.ts";

const SECOND = 1_000;
const DAY = 24 * 3_600 * SECOND;
const OF_SERVER = { null: "the default of the server" };

const OF_STARTS = "[limits of starts](#limits-of-starts)";
const POINTER = {
  kind: "text",
  isPointer: true,
  request: "JSON Pointer into the input, such as /user/id",
  unset: NONE,
} as const;

/**
 * The limits of an invocation. A commit records the limits of its build. An invocation records the limits in force when
 * the server accepted it.
 */
export const INVOCATION_LIMITS = {
  timeout: {
    kind: "duration",
    about: "Wall-clock time of one invocation",
    example: "30s",
    column: "timeoutMs",
    min: 100,
    max: { flag: "--max-timeout" },
    unset: OF_SERVER,
  },
  cpuTimeout: {
    kind: "duration",
    about: "Processor time of one invocation",
    label: "CPU time",
    hint: "CPU time of one invocation",
    example: "5s",
    column: "cpuTimeMs",
    min: SECOND,
    max: { flag: "--max-cpu-time" },
    unset: OF_SERVER,
  },
  memoryMib: {
    kind: "count",
    about: "Memory of one invocation",
    label: "Memory",
    unit: "MiB",
    example: "256",
    column: "memoryBytes",
    min: 32,
    max: { flag: "--max-memory" },
    unset: OF_SERVER,
  },
  maxConcurrency: {
    kind: "count",
    about: "Invocations that run at the same time",
    label: "Concurrency",
    noun: "invocation",
    example: "10",
    min: 1,
    max: { flag: "--max-running-per-function" },
    unset: OF_SERVER,
  },
} as const satisfies Fields;

/** The limits of a function. */
export const LIMITS = {
  ...INVOCATION_LIMITS,
  retention: {
    kind: "duration",
    about: "How long invocations are kept after their end",
    example: "7d",
    column: "retentionMs",
    min: SECOND,
    max: { flag: "--retention" },
    unset: OF_SERVER,
  },
} as const satisfies Fields;

export const FUNCTION_SETTINGS = {
  displayName: {
    kind: "text",
    isOfC1: true,
    max: 256,
    isNeeded: true,
    label: "Name",
    file: "name",
    unset: { value: "" },
  },
  description: { kind: "text", isOfC1: true, max: 4096, unset: { value: "" } },
  functionType: {
    kind: "oneOf",
    isOfC1: true,
    values: FUNCTION_TYPES,
    labels: {},
    schema: "c1.api.functions.v1.FunctionType",
    file: null,
    unset: { value: "FUNCTION_TYPE_ANY" },
  },
  outboundNetworkAllowlist: {
    kind: "list",
    isOfC1: true,
    max: 256,
    rule: "allowlistEntry",
    label: "Hosts",
    hint: "One per line: host, host:port or *.example.com. Without a port: 443 and 80",
    placeholder: "api.example.com",
    file: "allowlist",
    unset: { value: [] },
  },
  traceFetch: {
    kind: "flag",
    about:
      "Whether requests of fetch carry the trace of the invocation, in the headers traceparent and " +
      "tracestate",
    label: "Pass the trace on",
    hint:
      "Requests of fetch carry the headers traceparent and tracestate, unless the code sets them",
    docs: "[traces](traces.md#propagation)",
    example: "true",
    unset: { value: false },
  },
  scopedRoleIds: {
    kind: "list",
    isOfC1: true,
    max: 100,
    rule: "role",
    label: "Roles",
    hint: "What the function may do when it calls the API",
    labels: Object.fromEntries(
      [VIEWER, FUNCTIONS_INVOKER, FUNCTIONS_DEVELOPER, OWNER]
        .map(({ id, displayName, about }) => [id, `${displayName}: ${about}`]),
    ),
    file: "roles",
    unset: { value: [] },
  },
  tenant: FUNCTION_TENANT,
  ...LIMITS,
  provisionedConcurrency: {
    kind: "count",
    isOfC1: true,
    hint: "Instances kept ready with the published code loaded",
    example: "1",
    min: 0,
    max: 100,
    unset: { value: 0 },
  },
  processReuse: {
    kind: "oneOf",
    values: PROCESS_REUSES,
    schema: "invoked.ProcessReuse",
    about:
      "NONE: each invocation runs in a new process; SEQUENTIAL: a process runs one invocation " +
      "after another, and an invocation can find state of the previous one. UNSPECIFIED in a " +
      "request means NONE",
    hint: "A later invocation in the same process may see state that an earlier invocation left",
    labels: {
      PROCESS_REUSE_NONE: "A new process for each invocation",
      PROCESS_REUSE_SEQUENTIAL: "One process for one invocation after another",
    },
    docs: "[process-reuse.md](process-reuse.md)",
    example: "PROCESS_REUSE_SEQUENTIAL",
    unset: { value: "PROCESS_REUSE_NONE" },
  },
  evaluation: {
    kind: "oneOf",
    values: EVALUATIONS,
    schema: "invoked.Evaluation",
    about:
      "PER_CALL: each invocation runs the module code. SHARED: invocations start from a template that " +
      "has run it, and share its random numbers, times, ids and secrets. UNSPECIFIED: from a template " +
      "if the module code uses none of these",
    label: "Module code",
    hint: "If shared, all invocations see the same random numbers, times and ids of module code",
    labels: {
      EVALUATION_UNSPECIFIED: "Runs once for many invocations if it allows that",
      EVALUATION_PER_CALL: "Runs in each invocation",
      EVALUATION_SHARED: "Runs once for many invocations",
    },
    docs: "[templates.md](templates.md)",
    example: "EVALUATION_SHARED",
    unset: NONE,
  },
  retryPolicy: {
    kind: "group",
    schema: "invoked.RetryPolicy",
    about: "Attempts of asynchronous invocations, with exponential backoff and full jitter",
    answer: "Retry policy of the function itself, without defaults",
    docs: "[attempts](#attempts-and-dead-letters) of asynchronous invocations",
    example: `'{"maxAttempts": 3, "initialBackoff": "1s"}'`,
    unset: NONE,
    fields: {
      maxAttempts: {
        kind: "count",
        about: "Number of attempts, including the first",
        label: "Attempts",
        hint: "Including the first one",
        noun: "attempt",
        min: 1,
        max: 100,
        unset: { inForce: 3 },
      },
      initialBackoff: {
        kind: "duration",
        about: "Bound of the random wait before the second attempt; it doubles with each attempt",
        label: "First backoff",
        hint: "It doubles with each attempt",
        min: 10,
        max: DAY,
        unset: { inForce: SECOND },
      },
      maxBackoff: {
        kind: "duration",
        about: "Largest bound of the wait",
        hint: "",
        label: "Longest backoff",
        note: ", but not less than initialBackoff",
        min: 10,
        max: DAY,
        unset: { inForce: 60 * SECOND },
      },
      retryOn: {
        kind: "list",
        label: "Errors",
        values: RETRYABLE_WORDS,
        request: "Error codes that are retried",
        docs: "[error codes](errors.md#errors-of-invocations) that are retried",
        unset: { inForce: ["INTERRUPTED", "UNCAUGHT"] },
      },
    },
  },
  onSuccess: { ...DESTINATION, label: "After a success", example: `'{"functionId": "ID"}'` },
  onFailure: {
    ...DESTINATION,
    label: "After a failure",
    example: `'{"url": "https://example.com/failed"}'`,
  },
  concurrencyKey: {
    ...POINTER,
    hint: "Limits the invocations that have the same value there",
    docs: OF_STARTS,
    example: "/customer",
  },
  maxConcurrencyPerKey: {
    kind: "count",
    request: "Concurrent invocations with the same concurrencyKey",
    note: ". Others wait",
    label: "Concurrency per key",
    docs: OF_STARTS,
    hint: "Invocations at a time. If empty and a key is set: 1",
    placeholder: "",
    noun: "invocation",
    example: "1",
    min: 1,
    max: 10_000,
    unset: { inForce: 1 },
  },
  debounce: {
    kind: "group",
    schema: "invoked.Debounce",
    about:
      "Of asynchronous invocations with the same key, only the last starts, when no other arrived for " +
      "`delay`, at most `maxDelay` after the first; the others are skipped. {} removes it",
    docs: OF_STARTS,
    example: `'{"key": "/id", "delay": "5s"}'`,
    always: ["delay"],
    unset: NONE,
    fields: {
      key: { ...POINTER, label: "Debounce key", hint: "If empty: all invocations are one burst" },
      delay: {
        kind: "duration",
        label: "Debounce delay",
        hint: "Only the last invocation of a burst starts",
        min: 10,
        max: 7 * DAY,
        unset: NONE,
      },
      maxDelay: {
        kind: "duration",
        label: "Longest debounce delay",
        hint: "From the first invocation. If empty: ten times the delay",
        min: 10,
        max: 7 * DAY,
        unset: { null: "10 times the delay" },
      },
    },
  },
  rateLimit: {
    kind: "group",
    schema: "invoked.RateLimit",
    about: "Maximum number of attempts that start in any window of this length, on all nodes: a " +
      "waiting caller gets 429, and other invocations wait. {} removes the limit",
    docs: OF_STARTS,
    example: `'{"calls": 100, "period": "1m"}'`,
    always: ["calls", "period"],
    unset: NONE,
    fields: {
      calls: {
        kind: "count",
        label: "Rate limit",
        hint: "Starts allowed in each period, retries included",
        noun: "invocation",
        min: 1,
        max: 10_000,
        unset: NONE,
      },
      period: {
        kind: "duration",
        label: "Period of the rate limit",
        min: 100,
        max: 31 * DAY,
        unset: NONE,
      },
    },
  },
  circuitBreakerMax: {
    kind: "count",
    request:
      "Number of runs in the trailing period after which the breaker pauses the function; 0: any number",
    label: "Circuit breaker",
    hint: "Number of runs after which invocations pause until you decide",
    docs: OF_STARTS,
    noun: "invocation",
    example: "1000",
    min: 1,
    max: 1_000_000_000,
    unset: NONE,
  },
  circuitBreakerPeriod: {
    kind: "oneOf",
    values: CIRCUIT_BREAKER_PERIODS,
    schema: "invoked.CircuitBreakerPeriod",
    label: "Period of the circuit breaker",
    docs: OF_STARTS,
    labels: {
      CIRCUIT_BREAKER_PERIOD_HOUR: "Per hour",
      CIRCUIT_BREAKER_PERIOD_DAY: "Per day",
      CIRCUIT_BREAKER_PERIOD_WEEK: "Per week",
      CIRCUIT_BREAKER_PERIOD_MONTH: "Per month",
    },
    example: "CIRCUIT_BREAKER_PERIOD_DAY",
    unset: { inForce: "CIRCUIT_BREAKER_PERIOD_HOUR" },
  },
  vfsId: {
    kind: "id",
    request: "Volume of invocations that name no volume",
    docs: "[volume](volumes.md) of invocations that name none",
    label: "Volume",
    hint: "For invocations that do not name a volume",
    column: "volumeId",
    file: "volume",
    unset: NONE,
  },
  variables: {
    kind: "values",
    request: "The new set of variables, which every reader of the function sees",
    unset: { value: {} },
  },
} as const satisfies Fields;

export type LimitColumns = Columns<typeof INVOCATION_LIMITS>;
type Settings = typeof FUNCTION_SETTINGS;
export type FunctionSettings = Wanted<Settings>;
export type SettingColumns = Columns<Settings>;
export type FunctionSettingsJson = Json<Settings>;
export type FunctionSettingsInFile = InFile<Settings>;
export type Setting = keyof Settings;
/** The paths of an update mask. */
export const SETTINGS = Object.keys(FUNCTION_SETTINGS) as readonly Setting[];
/** The settings that `invoked settings set` takes. */
export type SettableName = Settable<Settings>;
