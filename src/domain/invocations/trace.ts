/** The position of an invocation in a trace. */
import type { HandlerTrace } from "../../runtime/wire.ts";
import {
  formatTraceparent,
  parseTraceparent,
  runSpanIdOf,
  type TraceContext,
  traceIdsOf,
} from "../../shared/trace_context.ts";
import type { InvocationRow } from "../../store/invocations.ts";

/** What the row of an invocation says of its trace. */
type TracedRow = Pick<InvocationRow, "id" | "traceparent" | "tracestate">;

/** The trace of an invocation: the trace of its caller, or its own. */
export function traceIdOf(row: Pick<TracedRow, "id" | "traceparent">): string {
  return originOf(row).traceId;
}

/**
 * The span in which the code of an attempt runs, the parent of all that the code calls. All attempts of an invocation
 * belong to one trace.
 * @param attempt from 1; 0 for the invocation itself, if no attempt began
 */
export function runTraceOf(row: TracedRow, attempt: number): HandlerTrace {
  const span = { ...originOf(row), spanId: runSpanIdOf(row.id, attempt) };
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    sampled: span.isSampled,
    traceparent: formatTraceparent(span),
    ...row.tracestate === null ? {} : { tracestate: row.tracestate },
  };
}

/** The span of the caller, or the invocation itself if it begins the trace. */
function originOf({ id, traceparent }: Pick<TracedRow, "id" | "traceparent">): TraceContext {
  const caller = traceparent === null ? undefined : parseTraceparent(traceparent);
  return caller ?? { ...traceIdsOf(id), isSampled: false };
}
