/** The names and series that Prometheus has for the metrics of the table. */
import type { Metric } from "./table.ts";

const SUFFIXES: Readonly<Record<string, string>> = { s: "_seconds", By: "_bytes" };

/** The name that Prometheus has for a metric, whether it is scraped or received through a collector. */
export function prometheusName(name: string, unit: string, isCounter: boolean): string {
  return name.replace(/[^a-zA-Z0-9_]/g, "_") + (SUFFIXES[unit] ?? "") + (isCounter ? "_total" : "");
}

/** Series of a histogram that Prometheus has for the same labels: its buckets with `+Inf`, its sum and its count. */
export function histogramSeries({ bounds = [] }: Metric): number {
  return bounds.length + 3;
}
