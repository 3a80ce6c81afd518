/** Sends metrics to a collector of OpenTelemetry. */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { getLogger } from "@logtape/logtape";
import type { Counter } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { countOf } from "../../config/mod.ts";
import { type Collection, countPoints } from "./collection.ts";

const logger = getLogger(["invoked", "telemetry"]);

/** How long a collector may take for one request, with its repetitions; at most the interval. */
const EXPORT_TIMEOUT_MAX_MS = 10_000;
/** The same for the last request, which delays the end of the server. */
const LAST_TIMEOUT_MS = 2_000;
/** UTF-16 units of what a collector says that go into the log. */
const REASON_MAX = 200;

/** Where a collector is, and how often it gets metrics. */
export interface CollectorOptions {
  /** Base URL without a trailing slash. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Certificates in PEM; undefined for public ones. */
  readonly ca: string | undefined;
  readonly intervalMs: number;
}

/**
 * Sends all metrics to a collector in an interval, and once more at its disposal. A collector that does not take metrics
 * has no effect but a line in the log, another one when it takes metrics again, and the count of data points that were
 * dropped. Counters and histograms are cumulative, so the next metrics contain what the dropped ones had counted.
 */
export class Collector implements AsyncDisposable {
  readonly #options: CollectorOptions;
  readonly #url: string;
  readonly #timeoutMs: number;
  readonly #collection: Collection;
  /** Data points by whether they were taken. */
  readonly #exported: Counter;
  readonly #timer: ReturnType<typeof setInterval>;
  #sending: Promise<void> | undefined;
  #exporter: OTLPMetricExporter;
  #agent: HttpAgent | HttpsAgent;
  /** Data points that were dropped since the collector took metrics; undefined while it takes metrics. */
  #dropped: number | undefined;

  constructor(options: CollectorOptions, collection: Collection, exported: Counter) {
    this.#options = options;
    this.#url = `${options.endpoint}/v1/metrics`;
    this.#timeoutMs = Math.min(EXPORT_TIMEOUT_MAX_MS, options.intervalMs);
    this.#collection = collection;
    this.#exported = exported;
    [this.#exporter, this.#agent] = this.#connect();
    this.#timer = setInterval(() => {
      if (this.#sending === undefined) this.#sendNext();
    }, options.intervalMs);
    Deno.unrefTimer(this.#timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    if (this.#sending === undefined) this.#sendNext(LAST_TIMEOUT_MS, this.#collection.fresh());
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, LAST_TIMEOUT_MS));
    await Promise.race([this.#sending, late]);
    clearTimeout(timer);
    this.#agent.destroy();
  }

  /** Sends metrics. The last ones must have been sent. */
  #sendNext(timeoutMs = this.#timeoutMs, collected = this.#collection.metrics()): void {
    this.#sending = this.#send(timeoutMs, collected).finally(() => this.#sending = undefined);
  }

  async #send(timeoutMs: number, collected: Promise<ResourceMetrics>): Promise<void> {
    let metrics: ResourceMetrics;
    try {
      metrics = await collected;
    } catch (error) {
      return logger.error("metrics were not collected: {error}", { error });
    }
    const count = countPoints(metrics);
    const error = await this.#export(metrics, timeoutMs);
    this.#exported.add(count, error === undefined ? {} : { "error.type": "not_taken" });
    if (error === undefined) this.#noteTaken();
    else this.#noteDropped(count, error);
  }

  /** Why the collector did not take the metrics; undefined if it took them. */
  async #export(metrics: ResourceMetrics, timeoutMs: number): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    // An answer may come so slowly that the exporter waits for ever.
    const timer = setTimeout(() => {
      resolve(`it has not answered within ${timeoutMs / 1000} s`);
      this.#agent.destroy();
      [this.#exporter, this.#agent] = this.#connect();
    }, timeoutMs);
    try {
      this.#exporter.export(
        metrics,
        ({ code, error }) => resolve(code === 0 ? undefined : reasonOf(error)),
      );
      return await promise;
    } catch (error) {
      return reasonOf(error);
    } finally {
      clearTimeout(timer);
    }
  }

  #connect(): [OTLPMetricExporter, HttpAgent | HttpsAgent] {
    const { ca, headers } = this.#options;
    const agent = this.#url.startsWith("https:")
      ? new HttpsAgent({ keepAlive: true, ...ca === undefined ? {} : { ca } })
      : new HttpAgent({ keepAlive: true });
    const exporter = new OTLPMetricExporter({
      url: this.#url,
      headers: { ...headers },
      timeoutMillis: this.#timeoutMs,
      httpAgentOptions: () => agent,
    });
    return [exporter, agent];
  }

  #noteTaken(): void {
    if (this.#dropped === undefined) return;
    logger.info("The collector at {url} takes metrics again; {dropped} were dropped", {
      url: this.#url,
      dropped: countOf(this.#dropped, "data point"),
    });
    this.#dropped = undefined;
  }

  #noteDropped(count: number, reason: string): void {
    if (this.#dropped === undefined) {
      logger.warn("The collector at {url} takes no metrics: {reason}", { url: this.#url, reason });
    }
    this.#dropped = (this.#dropped ?? 0) + count;
  }
}

/** What the exporter says, as one short line: the text may be that of a stranger. */
function reasonOf(error: unknown): string {
  const { code, message = String(error) } = (error ?? {}) as { code?: unknown; message?: string };
  const status = typeof code === "number" ? `status ${code} ` : "";
  const line = `${status}${message || String(code ?? "no reason")}`.replace(/\p{Cc}+/gu, " ");
  return line.slice(0, REASON_MAX).trim();
}
