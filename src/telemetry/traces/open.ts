/** Opens traces. The only module that others load, with an `import()`: a server without traces loads nothing of this. */
import type { CollectorOptions } from "../collector_client.ts";
import type { SpanCounters, TracedTelemetry } from "../contract.ts";
import { type ReportingProcess, resourceOf } from "../conventions.ts";
import { SpanQueue } from "./queue.ts";
import { type Sampling, TraceRecorder } from "./recorder.ts";

/** Who reports traces, which, and where they go. */
interface TracesOptions extends ReportingProcess {
  /** Of the requests that the process answers. */
  readonly scheme: "http" | "https";
  readonly sampling: Sampling;
  readonly collector: CollectorOptions;
  readonly counters: SpanCounters;
}

/** Traces that are recorded. Their disposal sends those that wait to the collector. */
export interface Traces extends AsyncDisposable {
  readonly telemetry: TracedTelemetry;
}

/** Starts to record. */
export function openTraces(
  { scheme, sampling, collector, counters, ...reporter }: TracesOptions,
): Traces {
  const scope = { name: "invoked", version: reporter.version };
  const queue = new SpanQueue({ resource: resourceOf(reporter), scope }, collector, counters);
  return {
    telemetry: new TraceRecorder({
      sampling,
      scheme,
      add: (spans) => queue.add(spans),
    }),
    [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose](),
  };
}
