/** The tables of invocations, as Kysely sees them; see `schema.ts`. */
import type { LimitColumns, SettingColumns } from "../resources/functions.ts";

/** The limits in force when the invocation was accepted; null in old rows. */
export interface InvocationTable extends LimitColumns {
  id: string;
  functionId: string;
  commitId: string;
  principalId: string;
  /** The invocation that made this one and waits for it; null for an invocation over HTTP. */
  parentInvocationId: string | null;
  /** Length of the chain of parents; 0 for an invocation over HTTP. */
  depth: number;
  /** The function's setting when the invocation was accepted. */
  processReuse: SettingColumns["processReuse"];
  /** `sync`: the caller waits for the end; `async`: it was accepted to run later. */
  mode: "sync" | "async";
  status: "PENDING" | "RUNNING" | "SUCCESS" | "ERROR";
  /** Text of a JSON object. */
  input: string;
  /** Text of a JSON object, set on SUCCESS. */
  output: string | null;
  /** Set on ERROR: the code and the message, as `CODE: message`. */
  error: string | null;
  /** The code in `error`. Null in a row that an API node of an earlier release ended, see `failures.ts`. */
  errorCode: string | null;
  /**
   * Variables of the function when it was accepted, as a JSON object; null without variables, or if the invocation did
   * not wait.
   */
  variables: string | null;
  /** The attached volume. */
  volumeId: string | null;
  /** Set with the end of an invocation that had a volume: the version of its snapshot. */
  volumeVersionRead: number | null;
  /** Set with the end of an invocation that changed its volume: the version that it committed. */
  volumeVersionWritten: number | null;
  /** Set with the end of an invocation that got a process. */
  processKind: "root" | "template" | "single" | "reused" | null;
  /** How often it started: 0 until it does, and then the number of its last attempt. */
  attempt: number;
  /** How often it may start. */
  maxAttempts: number;
  /** The node that holds its record; null while any node may claim it. */
  owner: string | null;
  /** The worker that runs it, or ran it last; null for the owner itself. */
  worker: string | null;
  /** What started it. */
  triggerKind: "api" | "schedule" | "webhook" | "http" | "destination" | "replay";
  /** The id of that: of a trigger, or of the invocation that a replay or a destination follows. Null for the API. */
  triggerId: string | null;
  /** The time for which its next attempt waits, or its last attempt waited; null if it could start at once. */
  notBefore: string | null;
  /** When its last attempt started; null while none runs or has ended it, and in old rows. */
  startedAt: string | null;
  /** JSON array of the attempts before the last, see {@link EarlierAttempt}; null for none. */
  earlierAttempts: string | null;
  /** Why it was never started; null if it was not skipped. */
  skipReason: SkipReason | null;
  /** JSON of the retry policy in force when it was accepted; null for none. */
  retryPolicy: string | null;
  /** Destinations that started it one after another; 0 for an invocation that no destination started. */
  destinationDepth: number;
  /** When it was parked as a dead letter; null otherwise. */
  parkedAt: string | null;
  /** Invocations of its function with the same key share a limit; null for none. */
  concurrencyKey: string | null;
  /** JSON of the request that it answered: method, path, status, requestBytes, responseBytes; null for none. */
  http: string | null;
  /** 1 if it succeeded, and that request was answered with a status from 500 on. */
  failedAnswer: number;
  /** From its admission, or the begin of its last attempt, to the record of its end; null until then, and in old rows. */
  durationMicros: number | null;
  /** Processor time of its last attempt; null if it was not measured. */
  cpuMicros: number | null;
  /** JSON of what its last attempt took (`src/domain/invocations/record.ts`); null until its end, and in old rows. */
  measured: string | null;
  /** The span of its caller, as `formatTraceparent` writes it; null for an invocation that begins a trace. */
  traceparent: string | null;
  /** The `tracestate` that came with it; null without one. */
  tracestate: string | null;
  createdAt: string;
  updatedAt: string;
}

/** Why an invocation was recorded and not started. */
export type SkipReason =
  | "OVERLAP"
  | "CATCH_UP"
  | "SCHEDULE_CHANGED"
  | "CIRCUIT_BREAKER"
  | "DEBOUNCED";

/** An attempt of an invocation before the last one. */
export interface EarlierAttempt {
  readonly attempt: number;
  /** Null if it is not known. */
  readonly startedAt: string | null;
  readonly endedAt: string;
  readonly error: string;
}

/** An invocation that waits for its time. Its row is PENDING, and no node owns it. */
export interface DelayedInvocationTable {
  invocationId: string;
  functionId: string;
  /** When it may start. */
  dueAt: string;
  /** What it waits for. */
  reason:
    | "invoke-at"
    | "backoff"
    | "debounce"
    | "flow"
    | "rate-limit"
    | "concurrency"
    | "circuit-breaker"
    /**
     * Set once its wait has ended: for the circuit breaker, which no longer counts it, or for an earlier rate limit.
     */
    | "released";
  /** Names the invocations of its function that wait together; null for none. */
  key: string | null;
  /**
   * For a debounced invocation: the arrival of the first one that it replaced. For an invocation that waited for the
   * rate limit: the start of its wait in the line of its function. Null for other invocations.
   */
  since: string | null;
}

/**
 * An attempt with a start permit of its function: it counts from the earliest start until one period of the rate limit
 * after the start.
 */
export interface StartPermitTable {
  functionId: string;
  invocationId: string;
  attempt: number;
  /** By the time of the database; after every time while it has not started. */
  startedAt: string;
}

/** Runs of a function in a minute or an hour, for its circuit breaker. */
interface RunCountTable {
  functionId: string;
  /** The start of a time in UTC, such as `2026-01-31T12` or `2026-01-31T12:05`. */
  bucket: string;
  runs: number;
}

export interface InvocationLogTable {
  invocationId: string;
  /** 1, 2, 3, ... without gaps within an invocation. */
  sequence: number;
  time: string;
  level: string;
  source: string;
  message: string;
}

export interface IdempotencyKeyTable {
  principalId: string;
  functionId: string;
  key: string;
  invocationId: string;
  requestHash: string;
  createdAt: string;
}

/** The secret that signs what goes to the URL of a destination. */
export interface DestinationSecretTable {
  functionId: string;
  /** The setting of the function. */
  event: string;
  /** The value, sealed under the master key and bound to function and event. */
  sealed: Uint8Array;
}

/** The end of an invocation that goes to a destination. It is written with that end, and erased with the invocation. */
export interface OutboxTable {
  invocationId: string;
  functionId: string;
  event: "onSuccess" | "onFailure";
  /** JSON of the destination when the invocation ended. */
  target: string;
  state: "PENDING" | "DELIVERED" | "FAILED";
  /** How often it was sent. */
  attempts: number;
  /** When the next attempt may begin. */
  dueAt: string;
  /** The reason why the last attempt failed; null without a failure. */
  error: string | null;
  /** The invocation that it started; null for a URL, and before. */
  startedId: string | null;
  updatedAt: string;
}

export interface InvocationSchema {
  invocations: InvocationTable;
  invocationLogs: InvocationLogTable;
  destinationSecrets: DestinationSecretTable;
  outbox: OutboxTable;
  startPermits: StartPermitTable;
  runCounts: RunCountTable;
  delayedCalls: DelayedInvocationTable;
  idempotencyKeys: IdempotencyKeyTable;
}
