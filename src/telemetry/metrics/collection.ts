/** Collects all metrics, for whoever reads them. */
import {
  AggregationTemporality,
  DataPointType,
  InstrumentType,
  type MetricData,
  MetricReader,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import type { InternedSeries } from "./series.ts";

/** Series of one metric that the SDK keeps; far above what `series.ts` and `recorder.ts` make. */
const SERIES_MAX = 100_000;
/** How long the sources of one collection may take. */
const SOURCES_TIMEOUT_MS = 5_000;
/** A collection serves everybody who asks within this time from its start. */
const SHARED_MS = 1_000;

/**
 * The only reader of the SDK: for a further reader that nobody reads, the SDK would keep every change for ever. Gauges
 * have no history, so that a series that is not observed is absent.
 */
class Reader extends MetricReader {
  constructor() {
    super({
      aggregationTemporalitySelector: temporalityOf,
      cardinalitySelector: () => SERIES_MAX,
    });
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }

  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
}

function temporalityOf(type: InstrumentType): AggregationTemporality {
  return type === InstrumentType.OBSERVABLE_GAUGE
    ? AggregationTemporality.DELTA
    : AggregationTemporality.CUMULATIVE;
}

/** Collections one after another, however many ask. */
export class Collection {
  readonly reader: MetricReader = new Reader();
  #last: { readonly startedMs: number; readonly metrics: Promise<ResourceMetrics> } | undefined;

  constructor(private readonly series: InternedSeries) {}

  /** All metrics, at most a second old. */
  metrics(): Promise<ResourceMetrics> {
    const last = this.#last;
    const isShared = last !== undefined && performance.now() - last.startedMs < SHARED_MS;
    return isShared ? last.metrics : this.fresh();
  }

  /** All metrics from now on: the collection begins once the last one has ended. */
  fresh(): Promise<ResourceMetrics> {
    const before = this.#last?.metrics.catch(() => {});
    const metrics = Promise.resolve(before).then(() => this.#collect());
    this.#last = { startedMs: performance.now(), metrics };
    return metrics;
  }

  async #collect(): Promise<ResourceMetrics> {
    const { resourceMetrics } = await this.reader.collect({ timeoutMillis: SOURCES_TIMEOUT_MS });
    const { resource, scopeMetrics } = resourceMetrics;
    return {
      resource,
      scopeMetrics: scopeMetrics.map(({ scope, metrics }) => ({
        scope,
        metrics: metrics.map((metric) => this.#named(metric)),
      })),
    };
  }

  /** The metric with the labels of interned series. */
  #named(metric: MetricData): MetricData {
    const dataPoints = (metric.dataPoints as { attributes: object }[]).map((point) => ({
      ...point,
      attributes: this.series.labelsOf(point.attributes as never),
    }));
    return { ...metric, dataPoints } as MetricData;
  }
}

/** The number of data points. */
export function countPoints({ scopeMetrics }: ResourceMetrics): number {
  return scopeMetrics.flatMap(({ metrics }) => metrics)
    .reduce((sum, { dataPoints }) => sum + dataPoints.length, 0);
}

/** Whether a metric is a counter, for the name that Prometheus has for it. */
export function isCounter(metric: MetricData): boolean {
  return metric.dataPointType === DataPointType.SUM && metric.isMonotonic;
}
