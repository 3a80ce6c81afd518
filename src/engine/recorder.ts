import { getLogger } from "@logtape/logtape";
import type { SandboxLog } from "../sandbox/contract.ts";
import type { InvocationEnd, InvocationLogRow } from "../store/invocations.ts";
import type { Store, Writers } from "../store/mod.ts";
import type { Conclusion } from "./contract.ts";
import type { InvocationNotifier } from "./notifier.ts";

const logger = getLogger(["invoked", "engine"]);

/** How long a log line of a running invocation waits for company before it is written. */
const LOG_FLUSH_INTERVAL_MS = 100;
/** Log rows that one write holds at most. */
const LOG_ROWS_PER_WRITE_MAX = 500;

/** Records what one invocation says and how it ends. */
export class Recorder {
  readonly #store: Store;
  readonly #feed: InvocationNotifier;
  readonly #invocationId: string;
  #sequence = 0;
  #unwritten: InvocationLogRow[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: Store, feed: InvocationNotifier, invocationId: string) {
    this.#store = store;
    this.#feed = feed;
    this.#invocationId = invocationId;
  }

  /** Keeps a line; it becomes readable within {@link LOG_FLUSH_INTERVAL_MS}, or with the end. */
  log({ time, level, source, message }: SandboxLog): void {
    this.#unwritten.push({
      invocationId: this.#invocationId,
      sequence: ++this.#sequence,
      time: new Date(time).toISOString(),
      level,
      source,
      message,
    });
    if (this.#unwritten.length >= LOG_ROWS_PER_WRITE_MAX) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), LOG_FLUSH_INTERVAL_MS);
  }

  /** PENDING to RUNNING, durably; false when it has ended meanwhile. */
  start(): Promise<boolean> {
    return this.#store.write((tx) =>
      tx.invocations.start(this.#invocationId, new Date().toISOString())
    );
  }

  /**
   * Outcome and remaining log lines in one transaction; the writes before it are older and so done. Answers the end
   * that was recorded; where the invocation had ended already, `conclude` is not asked and the end is the one given.
   * @param conclude runs inside the transaction
   */
  async finish(
    end: InvocationEnd,
    conclude?: (tx: Writers) => Promise<Conclusion>,
  ): Promise<InvocationEnd> {
    const rows = this.#takeUnwritten();
    const recorded = await this.#store.write(async (tx) => {
      for (let at = 0; at < rows.length; at += LOG_ROWS_PER_WRITE_MAX) {
        await tx.invocations.appendLogs(rows.slice(at, at + LOG_ROWS_PER_WRITE_MAX));
      }
      // The first ending stands: one that comes later must not change a volume, either.
      const isLate = conclude !== undefined &&
        !await tx.invocations.isUnfinished(this.#invocationId);
      const conclusion = isLate ? { end } : await conclude?.(tx) ?? { end };
      await tx.invocations.finish(this.#invocationId, conclusion, new Date().toISOString());
      return conclusion.end;
    }).catch((error) => {
      this.#unwritten.unshift(...rows);
      throw error;
    });
    this.#feed.notify(this.#invocationId);
    return recorded;
  }

  #flush(): void {
    const rows = this.#takeUnwritten();
    this.#store.write((tx) => tx.invocations.appendLogs(rows), "committed").then(
      () => this.#feed.notify(this.#invocationId),
      (error) =>
        logger.error("Cannot write {lines} log lines of invocation {invocationId}", {
          lines: rows.length,
          invocationId: this.#invocationId,
          error,
        }),
    );
  }

  #takeUnwritten(): InvocationLogRow[] {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const rows = this.#unwritten;
    this.#unwritten = [];
    return rows;
  }
}
