/** The spans of an invocation, built after it from what was reported. */
import { SpanKind } from "@opentelemetry/api";
import { runSpanIdOf, traceIdsOf } from "../../shared/trace_context.ts";
import {
  type AttemptReport,
  PHASES,
  type ReportedInvocation,
  type RequestReport,
  type UnattemptedEnd,
} from "../contract.ts";
import { methodOf, nameOf, triggerOf } from "../conventions.ts";
import { contentOf } from "./calls.ts";
import { SPAN, spanIdBeside } from "./ids.ts";
import {
  type Attributes,
  encodeSpan,
  type EndedSpan,
  type Seconds,
  type SpanContent,
} from "./span.ts";

const MICROS_PER_MS = 1_000;
const MICROS_PER_SECOND = 1_000_000;
/** A shorter wait for the start of an asynchronous invocation has no span. */
const WAIT_MIN_MICROS = 1_000;
const [EVALUATE, RUN] = [PHASES.indexOf("evaluate"), PHASES.indexOf("run")] as const;
/** Status from which a server's span is an error. */
const SERVER_ERROR_MIN = 500;

type Times = Pick<SpanContent, "startMicros" | "endMicros">;

/** The trace of one invocation. */
export class InvocationTrace {
  readonly #traceId: string;
  readonly #rootId: string;
  /** The span of the request that began it and waits for its end, if any. */
  readonly #requestId: string | undefined;
  /** The time of its span, once it is built. */
  #times: Times | undefined;

  /**
   * @param parent the span of its caller; undefined if it begins a trace
   * @param hasRequest whether a request waits for its end, whose span comes between the two
   */
  constructor(
    private readonly invocation: ReportedInvocation,
    private readonly parent: { readonly traceId: string; readonly spanId: string } | undefined,
    hasRequest: boolean,
  ) {
    const ids = traceIdsOf(invocation.id);
    this.#traceId = parent?.traceId ?? ids.traceId;
    this.#rootId = ids.spanId;
    this.#requestId = hasRequest ? spanIdBeside(ids.spanId, SPAN.request) : undefined;
  }

  /** The spans of an attempt, with that of the invocation if the attempt is its last one. */
  attemptSpans(attempt: AttemptReport): EndedSpan[] {
    const { number, isRepeated } = attempt;
    const runId = runSpanIdOf(this.invocation.id, number);
    const isOnly = number === 1 && !isRepeated;
    const wasLive = attempt.phaseMicros[0] !== null;
    const acceptedMicros = microsOf(this.invocation.acceptedAtMs);
    const bounds = boundsOf(attempt);
    const ended = bounds.at(-1) as number;
    // The admission begins before the row has the time of the acceptance, with which later attempts begin the invocation.
    const began = isOnly ? bounds[0] as number : Math.max(bounds[0] as number, acceptedMicros);
    const attributes = endAttributes(attempt);
    const spans: EndedSpan[] = [];
    if (!isRepeated) {
      const startMicros = isOnly && wasLive ? began : Math.min(began, acceptedMicros);
      spans.push(this.#rootSpan(attempt, attributes, { startMicros, endMicros: ended }));
    }
    let parentId = this.#rootId;
    if (!isOnly) {
      parentId = spanIdBeside(runId, SPAN.attempt);
      const times = { startMicros: began, endMicros: ended };
      spans.push(this.#attemptSpan(parentId, number, attributes, times));
    } else if (!wasLive) spans.push(...this.#waitSpans(began));
    this.#addPhases(spans, attempt, [began, ...bounds.slice(1)], { runId, parentId });
    return spans;
  }

  /** The spans of an invocation that waited, or whose attempt was interrupted. */
  unattemptedSpans(end: UnattemptedEnd, nowMicros: number): EndedSpan[] {
    const { interrupted, isRepeated, errorCode } = end;
    const attributes = { "error.type": errorCode };
    const acceptedMicros = microsOf(this.invocation.acceptedAtMs);
    const times = { startMicros: acceptedMicros, endMicros: nowMicros };
    const spans = isRepeated ? [] : [this.#rootSpan(end, attributes, times)];
    if (interrupted === undefined) return [...spans, ...this.#waitSpans(nowMicros)];
    const { number, startedAtMs } = interrupted;
    const attemptId = spanIdBeside(runSpanIdOf(this.invocation.id, number), SPAN.attempt);
    const ran = { startMicros: microsOf(startedAtMs), endMicros: nowMicros };
    return [...spans, this.#attemptSpan(attemptId, number, attributes, ran)];
  }

  /** The span of the request that waited for the end. */
  requestSpan(
    { method: given, route, status, durationMs }: RequestReport,
    scheme: string,
    nowMicros: number,
  ): EndedSpan {
    const method = methodOf(given);
    const startMicros = nowMicros - microsOf(durationMs);
    const { startMicros: beganMicros, endMicros } = this.#times ?? { startMicros, endMicros: 0 };
    const content = {
      name: route === undefined ? method : `${method} ${route}`,
      kind: SpanKind.SERVER,
      // The clocks may be rounded to milliseconds; a request contains its invocation.
      startMicros: Math.min(startMicros, beganMicros),
      endMicros: Math.max(nowMicros, endMicros),
      attributes: {
        "http.request.method": method,
        ...route === undefined ? {} : { "http.route": route },
        "http.response.status_code": status,
        "url.scheme": scheme,
        ...status >= SERVER_ERROR_MIN ? { "error.type": String(status) } : {},
      },
    };
    return this.#first(spanIdBeside(this.#rootId, SPAN.request), content);
  }

  #rootSpan(
    { function: fn, triggerKind }: Pick<AttemptReport, "function" | "triggerKind">,
    attributes: Attributes,
    times: Times,
  ): EndedSpan {
    const { id, commitId } = this.invocation;
    const name = nameOf(fn.displayName);
    this.#times = times;
    const content = {
      name,
      kind: SpanKind.SERVER,
      ...times,
      attributes: {
        "faas.name": name,
        "faas.version": commitId,
        "faas.trigger": triggerOf(triggerKind),
        "faas.invocation_id": id,
        "invoked.function.id": fn.id,
        "invoked.trigger": triggerKind,
        ...attributes,
      },
    };
    return this.#requestId === undefined
      ? this.#first(this.#rootId, content)
      : this.#below(this.#requestId, this.#rootId, content);
  }

  #attemptSpan(
    spanId: string,
    number: number,
    attributes: Attributes,
    times: Times,
  ): EndedSpan {
    return this.#below(this.#rootId, spanId, {
      name: "attempt",
      kind: SpanKind.INTERNAL,
      ...times,
      attributes: { "invoked.attempt": number, ...attributes },
    });
  }

  /** What passed between the acceptance and the begin of the first attempt. */
  #waitSpans(endMicros: number): EndedSpan[] {
    const startMicros = microsOf(this.invocation.acceptedAtMs);
    if (endMicros - startMicros < WAIT_MIN_MICROS) return [];
    const content = { name: "wait", kind: SpanKind.INTERNAL, startMicros, endMicros };
    const spanId = spanIdBeside(this.#rootId, SPAN.wait);
    return [this.#below(this.#rootId, spanId, { ...content, attributes: {} })];
  }

  /** @param bounds of the phases: each begins at the end of the one before */
  #addPhases(
    spans: EndedSpan[],
    attempt: AttemptReport,
    bounds: readonly number[],
    { runId, parentId }: { readonly runId: string; readonly parentId: string },
  ): void {
    for (const [at, name] of PHASES.entries()) {
      if ((attempt.phaseMicros[at] ?? null) === null) continue;
      const spanId = at === RUN ? runId : spanIdBeside(runId, SPAN.phase + at);
      spans.push(this.#below(parentId, spanId, {
        name,
        kind: SpanKind.INTERNAL,
        startMicros: bounds[at] as number,
        endMicros: bounds[at + 1] as number,
        attributes: at === RUN ? runAttributes(attempt) : {},
      }));
    }
    const [evaluated = 0, ran = 0, ended = 0] = bounds.slice(EVALUATE);
    const evaluateId = spanIdBeside(runId, SPAN.phase + EVALUATE);
    for (const [at, call] of attempt.calls.entries()) {
      const content = contentOf(call, { startMicros: evaluated, endMicros: ended });
      const isOfModule = content.startMicros < ran;
      const spanId = spanIdBeside(runId, SPAN.call + at);
      spans.push(this.#below(isOfModule ? evaluateId : runId, spanId, content));
    }
  }

  /** The first span of this node: its parent is the span of the caller. */
  #first(spanId: string, content: SpanContent): EndedSpan {
    const parentId = this.parent?.spanId;
    const position = { traceId: this.#traceId, spanId, parentId, hasRemoteParent: true };
    return encodeSpan(position, content);
  }

  #below(parentId: string, spanId: string, content: SpanContent): EndedSpan {
    return encodeSpan({ traceId: this.#traceId, spanId, parentId }, content);
  }
}

/** When the phases of an attempt began, and when the last one ended. */
function boundsOf({ startedAtMs, phaseMicros }: AttemptReport): number[] {
  const bounds = [microsOf(startedAtMs)];
  for (const at of PHASES.keys()) bounds.push((bounds[at] as number) + (phaseMicros[at] ?? 0));
  return bounds;
}

/** How an attempt ended, for its span and that of its invocation. */
function endAttributes({ process, errorCode, phaseMicros }: AttemptReport): Attributes {
  return {
    ...process === undefined ? {} : {
      "faas.coldstart": phaseMicros[EVALUATE] !== null,
      "invoked.process": process,
    },
    ...errorCode === undefined ? {} : { "error.type": errorCode },
  };
}

/** What the code used. Times in seconds, sizes in bytes. */
function runAttributes(
  { cpuMicros, peakBytes, egressBytes = 0, hostCallsMicros = 0, egressMicros = 0 }: AttemptReport,
): Attributes {
  return {
    ...cpuMicros === undefined ? {} : { "invoked.run.cpu_time": secondsOf(cpuMicros) },
    ...peakBytes === undefined ? {} : { "invoked.run.peak_memory": peakBytes },
    ...hostCallsMicros === 0 ? {} : { "invoked.run.host_calls_time": secondsOf(hostCallsMicros) },
    ...egressMicros === 0 ? {} : { "invoked.run.egress_time": secondsOf(egressMicros) },
    ...egressBytes === 0 ? {} : { "invoked.run.egress_size": egressBytes },
  };
}

function secondsOf(micros: number): Seconds {
  return { seconds: micros / MICROS_PER_SECOND };
}

function microsOf(ms: number): number {
  return Math.round(ms * MICROS_PER_MS);
}
