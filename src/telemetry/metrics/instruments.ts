/** The instruments of OpenTelemetry, made of the table. */
import type { Counter, Histogram, Meter, Observable } from "@opentelemetry/api";
import { type Metric, type MetricName, METRICS, type NameOf } from "./table.ts";

type CounterName = NameOf<"counter">;
type HistogramName = NameOf<"histogram">;
export type ObservedName = NameOf<"observed counter" | "observed gauge">;

/** Every instrument by its name. */
export interface Instruments {
  readonly counters: Readonly<Record<CounterName, Counter>>;
  readonly histograms: Readonly<Record<HistogramName, Histogram>>;
  readonly observed: Readonly<Record<ObservedName, Observable>>;
}

export function makeInstruments(meter: Meter): Instruments {
  const counters: Partial<Record<MetricName, Counter>> = {};
  const histograms: Partial<Record<MetricName, Histogram>> = {};
  const observed: Partial<Record<MetricName, Observable>> = {};
  for (const [key, metric] of Object.entries<Metric>(METRICS)) {
    const name = key as MetricName;
    const { unit, description, bounds = [] } = metric;
    switch (metric.kind) {
      case "counter":
        counters[name] = meter.createCounter(name, { unit, description });
        break;
      case "histogram": {
        const advice = { explicitBucketBoundaries: [...bounds] };
        histograms[name] = meter.createHistogram(name, { unit, description, advice });
        break;
      }
      case "observed counter":
        observed[name] = meter.createObservableCounter(name, { unit, description });
        break;
      case "observed gauge":
        observed[name] = meter.createObservableGauge(name, { unit, description });
        break;
    }
  }
  return { counters, histograms, observed } as unknown as Instruments;
}
