/** Opens metrics. The only module that others load, with an `import()`: a server without metrics loads nothing of this. */
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import type { CollectorOptions } from "../collector_client.ts";
import type { SpanCounters, Telemetry } from "../contract.ts";
import { type ReportingProcess, resourceOf } from "../conventions.ts";
import { Collection } from "./collection.ts";
import { Collector } from "./collector.ts";
import { EventLoopProbe } from "./event_loop.ts";
import { makeInstruments } from "./instruments.ts";
import { FunctionValues, observeSources, type Source } from "./observations.ts";
import { MetricsPage, PAGE_TYPE } from "./page.ts";
import { MetricsRecorder } from "./recorder.ts";
import { FunctionLabels, InternedSeries } from "./series.ts";

export type { Source } from "./observations.ts";

/** Who reports metrics. */
interface MetricsOptions extends ReportingProcess {
  /** Of the requests that the process answers. */
  readonly scheme: "http" | "https";
  /** Undefined without a collector. */
  readonly collector: CollectorOptions | undefined;
}

type SpanCounterName = "otel.sdk.processor.span.processed" | "otel.sdk.exporter.span.exported";

/** Metrics that are counted. Their disposal sends them once more to the collector. */
export interface Metrics extends AsyncDisposable {
  readonly telemetry: Telemetry;
  readonly page: MetricsPage;
  readonly contentType: string;
  /** Counts what becomes of spans. */
  readonly spans: SpanCounters;
  /** Which functions have labels, for sources. */
  readonly functions: Pick<FunctionLabels, "has">;
  /** Sums values by the labels of functions, for one collection. */
  functionValues(): FunctionValues;
  /** Has these sources read at each collection. */
  observe(sources: readonly Source[]): void;
}

/** Starts to count. */
export function openMetrics(
  { version, instanceId, role, scheme, collector: options }: MetricsOptions,
): Metrics {
  const series = new InternedSeries();
  const functions = new FunctionLabels();
  const collection = new Collection(series);
  const provider = new MeterProvider({
    resource: resourceFromAttributes(resourceOf({ version, instanceId, role })),
    readers: [collection.reader],
  });
  const meter = provider.getMeter("invoked", version);
  const instruments = makeInstruments(meter);
  const delays = instruments.histograms["invoked.event_loop.delay"];
  const probe = new EventLoopProbe((delayMs) => delays.record(delayMs / 1000));
  const exported = instruments.counters["otel.sdk.exporter.metric_data_point.exported"];
  const add = (name: SpanCounterName, count: number, errorType: string | undefined) =>
    instruments.counters[name].add(
      count,
      errorType === undefined ? {} : { "error.type": errorType },
    );
  const collector = options && new Collector(options, collection, exported);
  return {
    telemetry: new MetricsRecorder({ instruments, series, functions, scheme }),
    page: new MetricsPage(collection),
    contentType: PAGE_TYPE,
    spans: {
      processed: (count, error) => add("otel.sdk.processor.span.processed", count, error),
      exported: (count, error) => add("otel.sdk.exporter.span.exported", count, error),
    },
    functions,
    functionValues: () => new FunctionValues(functions),
    observe: (sources) => observeSources(meter, instruments, sources),
    async [Symbol.asyncDispose]() {
      await collector?.[Symbol.asyncDispose]();
      probe[Symbol.dispose]();
      await provider.shutdown();
    },
  };
}
