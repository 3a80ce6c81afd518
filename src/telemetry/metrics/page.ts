/** The page that Prometheus scrapes. */
import { setImmediate } from "node:timers/promises";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import type { MetricData, ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { type Collection, isCounter } from "./collection.ts";
import { prometheusName } from "./names.ts";

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
export const PAGE_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** How long the event loop waits for a page at a time. */
const TURN_MS = 5;
/** Data points that are written at a time. */
const POINTS_PER_PART = 20;

const points = new PrometheusSerializer("", false, undefined, true, true);
const target = new PrometheusSerializer("", false, undefined, false, true);

/** The page of all metrics. One page is written at a time, and serves everybody who asks meanwhile. */
export class MetricsPage {
  #last: { readonly of: Promise<ResourceMetrics>; readonly text: Promise<string> } | undefined;

  constructor(private readonly collection: Collection) {}

  /** The text in Prometheus's format, at most a second old. */
  text(): Promise<string> {
    const metrics = this.collection.metrics();
    if (this.#last?.of === metrics) return this.#last.text;
    const before = this.#last?.text.catch(() => {});
    const text = Promise.resolve(before).then(async () => await render(await metrics));
    this.#last = { of: metrics, text };
    return text;
  }
}

/** Writes the page in short turns: thousands of series would delay everything else by a tenth of a second. */
async function render({ resource, scopeMetrics }: ResourceMetrics): Promise<string> {
  let turnEndMs = performance.now() + TURN_MS;
  const info = target.serialize({ resource, scopeMetrics: [] });
  const parts = [info.slice(0, info.lastIndexOf("#"))];
  for (const { scope, metrics } of scopeMetrics) {
    for (const metric of metrics) {
      for (let at = 0; at < metric.dataPoints.length; at += POINTS_PER_PART) {
        const part = partOf(metric, at);
        const text = points.serialize({ resource, scopeMetrics: [{ scope, metrics: [part] }] });
        parts.push(at === 0 ? text : withoutHead(text));
        if (performance.now() < turnEndMs) continue;
        await setImmediate();
        turnEndMs = performance.now() + TURN_MS;
      }
    }
  }
  return parts.join("");
}

/** A few data points of a metric, under the name that a collector would give it. */
function partOf(metric: MetricData, from: number): MetricData {
  const { descriptor, dataPoints } = metric;
  return {
    ...metric,
    descriptor: {
      ...descriptor,
      name: prometheusName(descriptor.name, descriptor.unit, isCounter(metric)),
      // The format has no line for it.
      unit: "",
    },
    dataPoints: (dataPoints as unknown[]).slice(from, from + POINTS_PER_PART),
  } as MetricData;
}

/** Without the comments, which name and explain the metric once. */
function withoutHead(text: string): string {
  let start = 0;
  while (text.startsWith("#", start)) start = text.indexOf("\n", start) + 1;
  return text.slice(start);
}
