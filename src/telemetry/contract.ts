/**
 * The port of telemetry: the server reports what has happened, once and as plain data. What a report becomes, a metric or
 * a span, is decided by the implementation that `src/compose/telemetry.ts` chooses. Gauges are not reported: metrics
 * observe them when they are collected (`src/telemetry/metrics/observations.ts`).
 *
 * A report must cost little, and never throws.
 */
import type { TimedCall } from "../shared/timed_calls.ts";

/** A function as telemetry names it. */
export interface NamedFunction {
  readonly id: string;
  /** Text of a developer: any characters. */
  readonly displayName: string;
}

/** The invocation of a report. */
export interface ReportedInvocation {
  readonly id: string;
  readonly commitId: string;
  /** When the invocation was accepted, in milliseconds since 1970. */
  readonly acceptedAtMs: number;
  /** Header of the span that the invocation is a child of (`src/shared/trace_context.ts`); null if it begins a trace. */
  readonly traceparent: string | null;
}

/** The phases of an attempt in their order. */
export const PHASES = ["admission", "queue", "instance", "evaluate", "run", "record"] as const;

/** An attempt of an invocation that has ended; durations in microseconds. */
export interface AttemptReport {
  readonly function: NamedFunction;
  readonly invocation: ReportedInvocation;
  /** 1, 2, 3, ... within the invocation. */
  readonly number: number;
  /** What started the invocation, such as `api` or `schedule`. */
  readonly triggerKind: string;
  /** Kind of the process that ran the attempt; undefined if the attempt got no process. */
  readonly process: string | undefined;
  /** Code of docs/errors.md; undefined for a success. */
  readonly errorCode: string | undefined;
  /** Undefined if the attempt ran, or was about to run. */
  readonly unstarted: UnstartedAttempt | undefined;
  /** Whether another attempt follows, so that the invocation has not ended. */
  readonly isRepeated: boolean;
  /** Whether a request of {@link Telemetry.requestAnswered} waits for this end. */
  readonly endsRequest: boolean;
  /** When the first phase began, in milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly durationMicros: number;
  /** As in {@link PHASES}; null for a phase that the attempt did not have. */
  readonly phaseMicros: readonly (number | null)[];
  /** Undefined if the processor time was not measured. */
  readonly cpuMicros: number | undefined;
  readonly peakBytes: number | undefined;
  /** Bytes that the attempt exchanged with other hosts; undefined without a process. */
  readonly egressBytes: number | undefined;
  /** Time with a host call under way, and time with a request to another host; undefined without a process. */
  readonly hostCallsMicros: number | undefined;
  readonly egressMicros: number | undefined;
  /** The first calls of the run, since the end of the phase `instance`. */
  readonly calls: readonly TimedCall[];
}

/** Why none of the code of an attempt ran. */
export interface UnstartedAttempt {
  /** The reason that the caller gets, if a limit kept the invocation from starting. */
  readonly rejection: string | undefined;
}

/** An end without an attempt that this process ran to its end: of an invocation that waited, or of an interrupted attempt. */
export interface UnattemptedEnd {
  readonly function: NamedFunction;
  readonly invocation: ReportedInvocation;
  readonly triggerKind: string;
  readonly errorCode: string;
  /** The attempt that was interrupted; undefined if the invocation waited. */
  readonly interrupted: { readonly number: number; readonly startedAtMs: number } | undefined;
  /** Whether another attempt follows, so that the invocation has not ended. */
  readonly isRepeated: boolean;
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
  /** The invocation that the request began; absent for none. */
  readonly invocationId?: string | undefined;
}

/** What the server reports. */
export interface Telemetry {
  attemptEnded(attempt: AttemptReport): void;
  endedUnattempted(end: UnattemptedEnd): void;
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

/** The part of telemetry of which traces are made. */
export type TracedTelemetry = Pick<
  Telemetry,
  "attemptEnded" | "endedUnattempted" | "requestAnswered"
>;

/** Counts what becomes of spans. */
export interface SpanCounters {
  /** @param errorType undefined for spans that left the queue for the collector */
  processed(count: number, errorType: string | undefined): void;
  /** @param errorType undefined for spans that the collector took */
  exported(count: number, errorType: string | undefined): void;
}

/** Telemetry of a server that measures nothing. */
export const NO_TELEMETRY: Telemetry = {
  attemptEnded() {},
  endedUnattempted() {},
  invocationRejected() {},
  requestAnswered() {},
  credentialRejected() {},
  deliveryAnswered() {},
  scheduleTaken() {},
  buildEnded() {},
  storeSynced() {},
  retentionErased() {},
};

/** Reports everything to one implementation, and what traces are made of to another one, too. */
export function withTraces(all: Telemetry, traces: TracedTelemetry): Telemetry {
  return {
    attemptEnded(attempt) {
      all.attemptEnded(attempt);
      traces.attemptEnded(attempt);
    },
    endedUnattempted(end) {
      all.endedUnattempted(end);
      traces.endedUnattempted(end);
    },
    requestAnswered(request) {
      all.requestAnswered(request);
      traces.requestAnswered(request);
    },
    invocationRejected: (fn, reason) => all.invocationRejected(fn, reason),
    credentialRejected: (code) => all.credentialRejected(code),
    deliveryAnswered: (status) => all.deliveryAnswered(status),
    scheduleTaken: (lateMs) => all.scheduleTaken(lateMs),
    buildEnded: (durationMs, errorType) => all.buildEnded(durationMs, errorType),
    storeSynced: (durationMs) => all.storeSynced(durationMs),
    retentionErased: (kind, count) => all.retentionErased(kind, count),
  };
}
