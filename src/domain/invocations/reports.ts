/** What telemetry learns of the end of an attempt, once the end is durable. */
import type { Outcome } from "../../engine/contract.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type {
  AttemptReport,
  ReportedInvocation,
  UnattemptedEnd,
  UnstartedAttempt,
} from "../../telemetry/contract.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { Attempt } from "./attempt.ts";
import { type MeasuredAttempt, untilDurable } from "./measures.ts";

/** An end, as it was recorded. */
export interface Ended {
  readonly outcome: Outcome;
  readonly measured: MeasuredAttempt;
  /** When it was measured, on the clock of `performance`. */
  readonly atMs: number;
}

/** How an end was recorded. */
interface Recording {
  /** Number of the attempt that ended. */
  readonly number: number;
  readonly isRepeated: boolean;
  readonly unstarted: UnstartedAttempt | undefined;
  /** Whether the request of the invocation was answered before this end. */
  readonly isAnswered: boolean;
}

/** The report of an end that is durable by now. */
export function reportOf(
  { fn, row, live }: Pick<Attempt, "row" | "fn" | "live">,
  { outcome, measured, atMs }: Ended,
  { isAnswered, ...recording }: Recording,
): AttemptReport {
  const durable = untilDurable(measured, performance.now() - atMs);
  const { durationMicros, cpuMicros, measures } = durable;
  const [hostCallsMicros, egressMicros] = measures.inside ?? [];
  return {
    function: fn,
    invocation: reportedInvocation(row),
    ...recording,
    triggerKind: row.triggerKind,
    process: outcome.process,
    errorCode: outcome.kind === "error" ? outcome.code : undefined,
    endsRequest: live?.endsRequest === true && !isAnswered,
    startedAtMs: measures.at,
    durationMicros,
    phaseMicros: measures.phases,
    cpuMicros,
    peakBytes: measures.peakBytes,
    egressBytes: measures.egressBytes,
    hostCallsMicros,
    egressMicros,
    calls: outcome.measured?.calls ?? [],
  };
}

/** The report of an invocation that ended while it waited, or of an attempt that was interrupted. */
export function unattempted(
  row: InvocationRow,
  fn: FunctionRow | undefined,
  errorCode: string,
  isRepeated = false,
): UnattemptedEnd {
  const { functionId: id, triggerKind, status, attempt: number, startedAt } = row;
  return {
    // The function may be gone.
    function: fn ?? { id, displayName: id },
    invocation: reportedInvocation(row),
    triggerKind,
    errorCode,
    interrupted: status === "RUNNING" && startedAt !== null
      ? { number, startedAtMs: Date.parse(startedAt) }
      : undefined,
    isRepeated,
  };
}

function reportedInvocation(row: InvocationRow): ReportedInvocation {
  const { id, commitId, createdAt, traceparent } = row;
  return { id, commitId, acceptedAtMs: Date.parse(createdAt), traceparent };
}
