/**
 * The port of telemetry: the server reports what has happened, once and as plain data. What a report becomes, a metric or
 * a span, is decided by the implementation that `src/compose/telemetry.ts` chooses. Gauges are not reported: metrics
 * observe them when they are collected (`src/telemetry/metrics/observations.ts`).
 *
 * A report must cost little, and never throws.
 */

/** A function as telemetry names it. */
export interface NamedFunction {
  readonly id: string;
  /** Text of a developer: any characters. */
  readonly displayName: string;
}

/** The phases of an attempt in their order. */
export const PHASES = ["admission", "queue", "instance", "evaluate", "run", "record"] as const;

/** An attempt of an invocation that has ended; durations in microseconds. */
export interface AttemptReport {
  readonly function: NamedFunction;
  /** What started the invocation, such as `api` or `schedule`. */
  readonly triggerKind: string;
  /** Kind of the process that ran the attempt; undefined if the attempt got no process. */
  readonly process: string | undefined;
  /** Code of docs/errors.md; undefined for a success. */
  readonly errorCode: string | undefined;
  /** Whether another attempt follows, so that the invocation has not ended. */
  readonly isRepeated: boolean;
  readonly durationMicros: number;
  /** As in {@link PHASES}; null for a phase that the attempt did not have. */
  readonly phaseMicros: readonly (number | null)[];
  /** Undefined if the processor time was not measured. */
  readonly cpuMicros: number | undefined;
  readonly peakBytes: number | undefined;
  /** Bytes that the attempt exchanged with other hosts; undefined without a process. */
  readonly egressBytes: number | undefined;
}

/** An invocation that has ended without an attempt of this node: cancelled while it waited, or interrupted. */
export interface UnattemptedEnd {
  readonly function: NamedFunction;
  readonly triggerKind: string;
  readonly errorCode: string;
}

/** The route of all endpoints, at `/run` and on hosts of their own. Functions choose the statuses of its answers. */
export const ENDPOINT_ROUTE = "/run/{slug}";

/** A request that was answered. */
export interface RequestReport {
  readonly method: string;
  /** Template of the path, such as `/api/v1/functions/{id}`; undefined for a path without a route. */
  readonly route: string | undefined;
  readonly status: number;
  readonly durationMs: number;
}

/** What the server reports. */
export interface Telemetry {
  attemptEnded(attempt: AttemptReport): void;
  endedUnattempted(end: UnattemptedEnd): void;
  /** An attempt was interrupted that this process did not run to its end, and another attempt follows. */
  attemptRepeated(fn: NamedFunction, errorCode: string): void;
  /** An invocation was not accepted. @param reason of the error that its caller gets */
  invocationRejected(fn: NamedFunction, reason: string): void;
  requestAnswered(request: RequestReport): void;
  /** A credential, or a call without the permission, was rejected. @param code of the error */
  credentialRejected(code: string): void;
  /** A webhook delivery was answered. @param status as in the list of deliveries */
  deliveryAnswered(status: string): void;
  /** A time of a schedule was taken. @param lateMs since that time */
  scheduleTaken(lateMs: number): void;
  /** @param errorType undefined for a build that succeeded */
  buildEnded(durationMs: number, errorType: string | undefined): void;
  /** A sync of the store has made writes durable. */
  storeSynced(durationMs: number): void;
  /** Retention has erased rows or files. @param kind as in the answer of `invoked purge --expired` */
  retentionErased(kind: string, count: number): void;
}

/** Telemetry of a server that measures nothing. */
export const NO_TELEMETRY: Telemetry = {
  attemptEnded() {},
  endedUnattempted() {},
  attemptRepeated() {},
  invocationRejected() {},
  requestAnswered() {},
  credentialRejected() {},
  deliveryAnswered() {},
  scheduleTaken() {},
  buildEnded() {},
  storeSynced() {},
  retentionErased() {},
};
