import { getLogger } from "@logtape/logtape";
import { setTimeout as wait } from "node:timers/promises";
import type { Store } from "../../store/mod.ts";
import { locks } from "../locks.ts";
import type { Node } from "../ownership/contract.ts";

const logger = getLogger(["invoked", "audit"]);

/** Longest time between two looks for old events. */
const INTERVAL_MAX_MS = 10 * 60 * 1000;
/** Events that one transaction erases. */
const BATCH = 1_000;
/** Between two transactions, so that other writes do not wait. */
const PAUSE_MS = 10;

/**
 * Erases events from the oldest end once they are older than the retention. The chain stays verifiable: its base is the
 * hash of the last event that was erased. An event that an export has not written yet is kept.
 */
export class AuditRetention implements AsyncDisposable {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: Store,
    private readonly node: Pick<Node, "holds">,
    private readonly retentionMs: number,
  ) {
    const intervalMs = Math.min(INTERVAL_MAX_MS, retentionMs);
    this.#timer = setInterval(() => {
      if (node.holds("housekeeping")) this.#running = this.#running.then(() => this.#erase());
    }, intervalMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#running;
  }

  async #erase(): Promise<void> {
    const { read } = this.store;
    const before = new Date(Date.now() - this.retentionMs).toISOString();
    try {
      const exports = await read.auditExports.all();
      const upTo = Math.min(...exports.map(({ watermarkSeq }) => watermarkSeq), Infinity);
      const last = Number.isFinite(upTo) ? upTo : Number.MAX_SAFE_INTEGER;
      for (let isMore = true; isMore && !this.#stopping.signal.aborted;) {
        isMore = await this.store.write(
          (tx) => tx.audit.erase(before, last, BATCH),
          "durable",
          [locks.auditChain],
        );
        if (isMore) await wait(PAUSE_MS);
      }
    } catch (error) {
      logger.error("Failed to erase old events of the audit log: {error}", { error });
    }
  }
}
