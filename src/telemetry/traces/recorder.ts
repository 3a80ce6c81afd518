/** Decides which invocations have spans, and queues their spans. */
import { callerOf, type TraceContext, traceIdsOf } from "../../shared/trace_context.ts";
import { wallTimeOf } from "../../shared/time.ts";
import { isTraceSampled } from "../../shared/trace_sampling.ts";
import type {
  AttemptReport,
  ReportedInvocation,
  RequestReport,
  TracedTelemetry,
  UnattemptedEnd,
} from "../contract.ts";
import type { EndedSpan } from "./span.ts";
import { InvocationTrace } from "./trace.ts";

const MICROS_PER_MS = 1_000;

/** Traces whose requests have not been answered. Beyond them, the oldest one loses the span of its request. */
const UNANSWERED_MAX = 10_000;

/** Which invocations have spans. */
export interface Sampling {
  /** Of the traces that begin here, from 0 to 1. */
  readonly ratio: number;
  /** An attempt that takes at least this long has spans, whatever is decided for its trace. */
  readonly slowMs: number;
}

/** What a recorder works with. */
interface RecorderParts {
  readonly sampling: Sampling;
  /** Of the requests that the process answers. */
  readonly scheme: "http" | "https";
  /** Takes spans that belong together. */
  readonly add: (spans: readonly EndedSpan[]) => void;
}

/** Telemetry as traces. */
export class TraceRecorder implements TracedTelemetry {
  /** By the ids of invocations that have ended before the requests that wait for them. */
  readonly #unanswered = new Map<string, InvocationTrace>();

  constructor(private readonly parts: RecorderParts) {}

  attemptEnded(attempt: AttemptReport): void {
    const { invocation, errorCode, number, durationMicros, endsRequest } = attempt;
    // Another attempt comes before a second one, and has failed: its span has this invocation as its parent.
    const isKept = errorCode !== undefined || number > 1 ||
      durationMicros >= MICROS_PER_MS * this.parts.sampling.slowMs;
    const parent = callerOf(invocation.traceparent);
    if (!isKept && !this.#isSampled(invocation, parent)) return;
    const trace = new InvocationTrace(invocation, parent, endsRequest);
    this.parts.add(trace.attemptSpans(attempt));
    if (endsRequest) this.#awaitAnswer(invocation.id, trace);
  }

  endedUnattempted(end: UnattemptedEnd): void {
    const { invocation } = end;
    const trace = new InvocationTrace(invocation, callerOf(invocation.traceparent), false);
    this.parts.add(trace.unattemptedSpans(end, nowMicros()));
  }

  requestAnswered(request: RequestReport): void {
    const { invocationId } = request;
    if (invocationId === undefined) return;
    const trace = this.#unanswered.get(invocationId);
    if (trace === undefined) return;
    this.#unanswered.delete(invocationId);
    this.parts.add([trace.requestSpan(request, this.parts.scheme, nowMicros())]);
  }

  #isSampled({ id }: ReportedInvocation, parent: TraceContext | undefined): boolean {
    if (parent !== undefined) return parent.isSampled;
    const { ratio } = this.parts.sampling;
    return ratio > 0 && isTraceSampled(traceIdsOf(id).traceId, ratio);
  }

  #awaitAnswer(id: string, trace: InvocationTrace): void {
    const [oldest] = this.#unanswered.keys();
    if (this.#unanswered.size >= UNANSWERED_MAX && oldest !== undefined) {
      this.#unanswered.delete(oldest);
    }
    this.#unanswered.set(id, trace);
  }
}

function nowMicros(): number {
  return Math.round(wallTimeOf(performance.now()) * MICROS_PER_MS);
}
