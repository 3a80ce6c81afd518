/** The settings of functions that are additions of this server. */

/** Whether a process runs one call, or one after another. An addition of this server. */
export type ProcessReuse =
  | "PROCESS_REUSE_UNSPECIFIED"
  | "PROCESS_REUSE_NONE"
  | "PROCESS_REUSE_SEQUENTIAL";

/** Limits of calls; durations such as `30s`. Additions of this server. */
export interface Limits {
  timeout?: string;
  cpuTimeout?: string;
  memoryMib?: number;
  maxConcurrency?: number;
  /** Of a function: how long its invocations are kept; absent for ever. */
  retention?: string;
}

/** Attempts of asynchronous calls. An addition of this server. */
export interface RetryPolicy {
  maxAttempts?: number;
  /** Durations such as `1.5s`. */
  initialBackoff?: string;
  maxBackoff?: string;
  /** Words of errors that another attempt follows. */
  retryOn?: string[];
}

/** A function, or a URL with the secret that signs requests to it. An addition of this server. */
export interface Destination {
  functionId?: string;
  url?: string;
  /** Never returned. */
  secret?: string;
}

/** Settings that are additions of this server. 0 or absent means the default. */
export interface FunctionSettings extends Limits {
  /** Whether a process runs one call, or one after another. */
  processReuse?: ProcessReuse;
  /** The volume of calls that name none. */
  vfsId?: string;
  /** Plain values by name; the new set of all. */
  variables?: Record<string, string>;
  /** Attempts of asynchronous calls. */
  retryPolicy?: RetryPolicy;
  /** What gets the ends of asynchronous calls. */
  onSuccess?: Destination;
  onFailure?: Destination;
  /** JSON Pointer into the input: calls with the same value share `maxConcurrencyPerKey`. */
  concurrencyKey?: string;
  maxConcurrencyPerKey?: number;
  /** The last asynchronous call with a key starts once none came for a time; durations such as `1.5s`. */
  debounce?: { key?: string; delay?: string; maxDelay?: string };
  /** Most starts of attempts in any window of the length of the period. */
  rateLimit?: { calls?: number; period?: string };
  /** Runs in the trailing period, after which calls pause. */
  circuitBreakerMax?: number;
  circuitBreakerPeriod?:
    | "CIRCUIT_BREAKER_PERIOD_UNSPECIFIED"
    | "CIRCUIT_BREAKER_PERIOD_HOUR"
    | "CIRCUIT_BREAKER_PERIOD_DAY"
    | "CIRCUIT_BREAKER_PERIOD_WEEK"
    | "CIRCUIT_BREAKER_PERIOD_MONTH";
  /** Read-only: while calls pause for a decision. */
  circuitBreakerPausedAt?: string;
}

/** What becomes of the calls that a circuit breaker has paused. An addition of this server. */
export interface ClearCircuitBreakerRequest {
  decision?: "PAUSED_EXECUTION_DECISION_RUN" | "PAUSED_EXECUTION_DECISION_CANCEL";
  reason?: string;
}
