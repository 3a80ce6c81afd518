/** The spans that wait for the collector. */
import { AsyncLocalStorage } from "node:async_hooks";
import { getLogger } from "@logtape/logtape";
import { createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import { countOf } from "../../config/mod.ts";
import {
  CollectorClient,
  type CollectorOptions,
  type ExporterOptions,
  LAST_EXPORT_TIMEOUT_MS,
  NOT_TAKEN,
} from "../collector_client.ts";
import type { SpanCounters } from "../contract.ts";
import { encodeRequest, type EndedSpan, type SpanOrigin } from "./span.ts";

const logger = getLogger(["invoked", "telemetry"]);

/** Spans that wait for the collector; docs/traces.md names the limits. */
const QUEUE_SPANS_MAX = 10_000;
/** Their bytes in OTLP. */
const QUEUE_BYTES_MAX = 8 * 1024 ** 2;
/** Spans of one HTTP request, which costs as much processor time as the spans of a hundred invocations. */
const BATCH_SPANS_MAX = 2_000;
/** How long a span waits for others. */
const BATCH_DELAY_MS = 1_000;
/** Exports at a time. One is sent after another, but the exporter notes the end of one late. */
const EXPORTS_MAX = 2;
/** The `error.type` of spans for which the queue was full, in metrics. */
const QUEUE_FULL = "queue_full";

/**
 * Sends spans in batches, one after another. Whoever adds spans never waits: spans for which the queue is full, and
 * spans that the collector does not take, are dropped and counted.
 */
export class SpanQueue implements AsyncDisposable {
  readonly #client: CollectorClient<EndedSpan[]>;
  /** Runs what follows outside of the request that adds spans, whose id its log lines would have. */
  readonly #outside = AsyncLocalStorage.snapshot();
  readonly #spans: EndedSpan[] = [];
  #bytes = 0;
  /** Spans that the collector has not answered for yet. */
  #underway = 0;
  /** Whether what is not answered for was counted as lost. */
  #isClosed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> | undefined;
  /** Spans that were dropped since the queue was full; undefined while it has space. */
  #dropped: number | undefined;

  constructor(
    origin: SpanOrigin,
    collector: CollectorOptions,
    private readonly counters: SpanCounters,
  ) {
    this.#client = new CollectorClient<EndedSpan[]>(collector, {
      signal: "traces",
      item: "span",
      makeExporter: (options) => makeExporter(origin, options),
    });
  }

  /** Adds spans that belong together, all or none. */
  add(spans: readonly EndedSpan[]): void {
    const bytes = bytesOf(spans);
    const count = this.#spans.length + spans.length;
    if (count > QUEUE_SPANS_MAX || this.#bytes + bytes > QUEUE_BYTES_MAX) {
      return this.#outside(() => this.#drop(spans.length));
    }
    this.#spans.push(...spans);
    this.#bytes += bytes;
    if (this.#sending !== undefined) return;
    if (count >= BATCH_SPANS_MAX) this.#outside(() => this.#sendAll());
    else this.#timer ??= this.#outside(() => this.#sendLater());
  }

  /** Sends what waits, as far as the collector takes it in time. */
  async [Symbol.asyncDispose](): Promise<void> {
    const deadline = performance.now() + LAST_EXPORT_TIMEOUT_MS;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) =>
      timer = setTimeout(resolve, LAST_EXPORT_TIMEOUT_MS)
    );
    await Promise.race([this.#sendLast(deadline), late]);
    clearTimeout(timer);
    clearTimeout(this.#timer);
    this.#client[Symbol.dispose]();
    this.#isClosed = true;
    const left = this.#spans.length;
    const lost = left + this.#underway;
    if (lost === 0) return;
    this.counters.processed(left, undefined);
    this.counters.exported(lost, NOT_TAKEN);
    logger.warn("{spans} were dropped: the collector did not take them before the stop", {
      spans: countOf(lost, "span"),
    });
  }

  async #sendLast(deadline: number): Promise<void> {
    await this.#sending;
    while (this.#spans.length > 0) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return;
      await this.#sendBatch(leftMs);
    }
  }

  #sendLater(): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#sendAll(), BATCH_DELAY_MS);
    Deno.unrefTimer(timer);
    return timer;
  }

  #sendAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending = this.#sendBatches().finally(() => {
      this.#sending = undefined;
      if (this.#spans.length > 0) this.#timer = this.#sendLater();
    });
  }

  async #sendBatches(): Promise<void> {
    do await this.#sendBatch(); while (this.#spans.length >= BATCH_SPANS_MAX);
  }

  async #sendBatch(timeoutMs?: number): Promise<void> {
    const batch = this.#spans.splice(0, BATCH_SPANS_MAX);
    this.#bytes -= bytesOf(batch);
    this.#noteSpace();
    this.counters.processed(batch.length, undefined);
    this.#underway = batch.length;
    const isTaken = await this.#client.send(batch, batch.length, timeoutMs);
    if (this.#isClosed) return;
    this.#underway = 0;
    this.counters.exported(batch.length, isTaken ? undefined : NOT_TAKEN);
  }

  #drop(count: number): void {
    this.counters.processed(count, QUEUE_FULL);
    if (this.#dropped === undefined) {
      logger.warn("The queue for the collector is full: spans are dropped");
    }
    this.#dropped = (this.#dropped ?? 0) + count;
  }

  #noteSpace(): void {
    if (this.#dropped === undefined) return;
    logger.info("The queue for the collector has space again; {dropped} were dropped", {
      dropped: countOf(this.#dropped, "span"),
    });
    this.#dropped = undefined;
  }
}

/** OpenTelemetry's exporter, with its repetitions, for spans that are encoded. */
function makeExporter(
  origin: SpanOrigin,
  { url, headers, timeoutMillis, httpAgentOptions }: ExporterOptions,
) {
  return createOtlpHttpExportDelegate<EndedSpan[], undefined>(
    {
      url,
      headers: () => Promise.resolve({ ...headers, "Content-Type": "application/x-protobuf" }),
      timeoutMillis,
      concurrencyLimit: EXPORTS_MAX,
      compression: "none",
      agentFactory: httpAgentOptions,
    },
    {
      serializeRequest: (spans) => encodeRequest(origin, spans),
      deserializeResponse: () => undefined,
    },
    "otlp_http_span_exporter",
    { name: "span", countItems: (spans) => spans.length },
    undefined,
  );
}

function bytesOf(spans: readonly EndedSpan[]): number {
  return spans.reduce((sum, { length }) => sum + length, 0);
}
