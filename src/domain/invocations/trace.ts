/** The position of an invocation in a trace. */
import type { HandlerTrace } from "../../runtime/wire.ts";
import {
  callerOf,
  formatTraceparent,
  runSpanIdOf,
  type TraceContext,
  traceIdsOf,
} from "../../shared/trace_context.ts";
import type { ReceivedTrace } from "../../shared/trace_headers.ts";
import { isTraceSampled } from "../../shared/trace_sampling.ts";
import type { InvocationRow } from "../../store/invocations.ts";

/** What the row of an invocation says of its trace. */
type TraceColumns = Pick<InvocationRow, "traceparent" | "tracestate">;

const NO_CALLER: TraceColumns = { traceparent: null, tracestate: null };

/** The trace of an invocation: the trace of its caller, or its own. */
export function traceIdOf({ id, traceparent }: Pick<InvocationRow, "id" | "traceparent">): string {
  return callerOf(traceparent)?.traceId ?? traceIdsOf(id).traceId;
}

/** The traces of invocations, and which of them are recorded. */
export class Traces {
  /** @param sampleRatio of the traces that begin here; undefined for a server that records none */
  constructor(private readonly sampleRatio: number | undefined) {}

  /** The columns of an invocation. What a stranger wants recorded does not count, so that nobody can fill the collector. */
  columns(id: string, received: ReceivedTrace | undefined): TraceColumns {
    if (received === undefined) return NO_CALLER;
    const { traceparent, tracestate = null, isOfStranger = false } = received;
    const caller = isOfStranger ? callerOf(traceparent) : undefined;
    if (caller === undefined) return { traceparent, tracestate };
    const { isSampled } = this.#own(id);
    return { traceparent: formatTraceparent({ ...caller, isSampled }), tracestate };
  }

  /**
   * The span in which the code of an attempt runs, the parent of all that the code calls. All attempts of an invocation
   * belong to one trace.
   * @param attempt from 1; 0 for the invocation itself, if no attempt began
   */
  ofRun(
    { id, traceparent, tracestate }: TraceColumns & { readonly id: string },
    attempt: number,
  ): HandlerTrace {
    const caller = callerOf(traceparent);
    const span = caller === undefined
      ? this.#own(id, attempt)
      : { ...caller, spanId: runSpanIdOf(id, attempt) };
    return {
      traceId: span.traceId,
      spanId: span.spanId,
      sampled: span.isSampled,
      traceparent: formatTraceparent(span),
      ...tracestate === null ? {} : { tracestate },
    };
  }

  /** The trace that an invocation begins. */
  #own(id: string, attempt = 0): TraceContext {
    const own = traceIdsOf(id, attempt);
    return { ...own, isSampled: isTraceSampled(own.traceId, this.sampleRatio) };
  }
}
