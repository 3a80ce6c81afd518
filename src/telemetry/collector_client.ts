/** Sends telemetry to a collector of OpenTelemetry, and notes in the log whether the collector takes it. */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { getLogger } from "@logtape/logtape";
import { countOf } from "../config/mod.ts";

const logger = getLogger(["invoked", "telemetry"]);

/** How long a collector may take for one request, with its repetitions; at most `--otlp-interval`. */
const EXPORT_TIMEOUT_MAX_MS = 10_000;
/** The same for the last request, which delays the end of the server. */
export const LAST_EXPORT_TIMEOUT_MS = 2_000;
/** The `error.type` of what a collector did not take, in metrics. */
export const NOT_TAKEN = "not_taken";
/** UTF-16 units of what a collector says that go into the log. */
const REASON_MAX = 200;

/** Where a collector is. */
export interface CollectorOptions {
  /** Base URL without a trailing slash. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Certificates in PEM; undefined for public ones. */
  readonly ca: string | undefined;
  /** How often metrics are sent. */
  readonly intervalMs: number;
}

/** The parts of the options of OpenTelemetry's exporters that the client sets. */
export interface ExporterOptions {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly timeoutMillis: number;
  readonly httpAgentOptions: () => HttpAgent | HttpsAgent;
}

/** An exporter of OpenTelemetry. */
interface Exporter<Batch> {
  export(
    batch: Batch,
    done: (result: { readonly code: number; readonly error?: unknown }) => void,
  ): void;
}

/** What is sent. */
interface Sent<Batch> {
  /** The last part of the URL, and the word for the log. */
  readonly signal: "metrics" | "traces";
  /** One item, such as `span`. */
  readonly item: string;
  readonly makeExporter: (options: ExporterOptions) => Exporter<Batch>;
}

/**
 * Sends batches to a collector. A collector that does not take them has no effect but a line in the log, and another one
 * with the number of items that were dropped when it takes them again.
 */
export class CollectorClient<Batch> implements Disposable {
  readonly #url: string;
  readonly #timeoutMs: number;
  #exporter: Exporter<Batch>;
  #agent: HttpAgent | HttpsAgent;
  /** Items that were dropped since the collector took some; undefined while it takes them. */
  #dropped: number | undefined;

  constructor(private readonly collector: CollectorOptions, private readonly sent: Sent<Batch>) {
    this.#url = `${collector.endpoint}/v1/${sent.signal}`;
    this.#timeoutMs = Math.min(EXPORT_TIMEOUT_MAX_MS, collector.intervalMs);
    [this.#exporter, this.#agent] = this.#connect();
  }

  /**
   * Sends a batch. Never throws, and resolves within `timeoutMs` with whether the collector took the batch.
   * @param count of its items
   */
  async send(batch: Batch, count: number, timeoutMs = this.#timeoutMs): Promise<boolean> {
    const error = await this.#export(batch, timeoutMs);
    if (error === undefined) this.#noteTaken();
    else this.#noteDropped(count, error);
    return error === undefined;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  /** Why the collector did not take the batch; undefined if it took it. */
  async #export(batch: Batch, timeoutMs: number): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    // An answer may come so slowly that the exporter waits for ever.
    const timer = setTimeout(() => {
      resolve(`it has not answered within ${timeoutMs / 1000} s`);
      this.#agent.destroy();
      [this.#exporter, this.#agent] = this.#connect();
    }, timeoutMs);
    try {
      this.#exporter.export(
        batch,
        ({ code, error }) => resolve(code === 0 ? undefined : reasonOf(error)),
      );
      return await promise;
    } catch (error) {
      return reasonOf(error);
    } finally {
      clearTimeout(timer);
    }
  }

  #connect(): [Exporter<Batch>, HttpAgent | HttpsAgent] {
    const { ca, headers } = this.collector;
    const agent = this.#url.startsWith("https:")
      ? new HttpsAgent({ keepAlive: true, ...ca === undefined ? {} : { ca } })
      : new HttpAgent({ keepAlive: true });
    const exporter = this.sent.makeExporter({
      url: this.#url,
      headers: { ...headers },
      timeoutMillis: this.#timeoutMs,
      httpAgentOptions: () => agent,
    });
    return [exporter, agent];
  }

  #noteTaken(): void {
    if (this.#dropped === undefined) return;
    logger.info("The collector at {url} takes {signal} again; {dropped} were dropped", {
      url: this.#url,
      signal: this.sent.signal,
      dropped: countOf(this.#dropped, this.sent.item),
    });
    this.#dropped = undefined;
  }

  #noteDropped(count: number, reason: string): void {
    if (this.#dropped === undefined) {
      logger.warn("The collector at {url} takes no {signal}: {reason}", {
        url: this.#url,
        signal: this.sent.signal,
        reason,
      });
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
