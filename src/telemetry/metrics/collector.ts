/** Sends metrics to a collector of OpenTelemetry. */
import { getLogger } from "@logtape/logtape";
import type { Counter } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import {
  CollectorClient,
  type CollectorOptions,
  LAST_EXPORT_TIMEOUT_MS,
  NOT_TAKEN,
} from "../collector_client.ts";
import { type Collection, countPoints } from "./collection.ts";

const logger = getLogger(["invoked", "telemetry"]);

/**
 * Sends all metrics to a collector in an interval, and once more at its disposal. Counters and histograms are cumulative,
 * so the next metrics contain what dropped ones had counted.
 */
export class Collector implements AsyncDisposable {
  readonly #client: CollectorClient<ResourceMetrics>;
  readonly #timer: ReturnType<typeof setInterval>;
  #sending: Promise<void> | undefined;

  constructor(
    options: CollectorOptions,
    private readonly collection: Collection,
    /** Data points by whether they were taken. */
    private readonly exported: Counter,
  ) {
    this.#client = new CollectorClient<ResourceMetrics>(options, {
      signal: "metrics",
      item: "data point",
      makeExporter: (exporterOptions) => new OTLPMetricExporter(exporterOptions),
    });
    this.#timer = setInterval(() => {
      if (this.#sending === undefined) this.#sendNext();
    }, options.intervalMs);
    Deno.unrefTimer(this.#timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    if (this.#sending === undefined) {
      this.#sendNext(this.collection.fresh(), LAST_EXPORT_TIMEOUT_MS);
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) =>
      timer = setTimeout(resolve, LAST_EXPORT_TIMEOUT_MS)
    );
    await Promise.race([this.#sending, late]);
    clearTimeout(timer);
    this.#client[Symbol.dispose]();
  }

  /** Sends metrics. The last ones must have been sent. */
  #sendNext(collected = this.collection.metrics(), timeoutMs?: number): void {
    this.#sending = this.#send(collected, timeoutMs).finally(() => this.#sending = undefined);
  }

  async #send(collected: Promise<ResourceMetrics>, timeoutMs?: number): Promise<void> {
    let metrics: ResourceMetrics;
    try {
      metrics = await collected;
    } catch (error) {
      return logger.error("metrics were not collected: {error}", { error });
    }
    const count = countPoints(metrics);
    const isTaken = await this.#client.send(metrics, count, timeoutMs);
    this.exported.add(count, isTaken ? {} : { "error.type": NOT_TAKEN });
  }
}
