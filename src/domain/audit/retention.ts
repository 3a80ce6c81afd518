import { getLogger } from "@logtape/logtape";
import { setTimeout as wait } from "node:timers/promises";
import type { Store, Writers } from "../../store/mod.ts";
import { locks } from "../locks.ts";
import type { Node } from "../ownership/contract.ts";
import type { Audit } from "./audit.ts";

const logger = getLogger(["invoked", "audit"]);

/** Longest time between two looks for old events. */
const INTERVAL_MAX_MS = 10 * 60 * 1000;
/** Events that one transaction erases. */
const BATCH = 1_000;
/** Between two transactions, so that other writes do not wait. */
const PAUSE_MS = 10;

/**
 * Erases events from the oldest end once they are older than the retention. The chain stays verifiable: its base is the
 * hash of the last event that was erased. An event that an export has not written yet is kept for
 * at most the retention again: an export that always fails fills no disk.
 */
export class AuditRetention implements AsyncDisposable {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: Store,
    private readonly node: Pick<Node, "holds">,
    private readonly retentionMs: number,
    private readonly audit: Pick<Audit, "entry">,
  ) {
    const intervalMs = Math.min(INTERVAL_MAX_MS, retentionMs);
    this.#timer = setInterval(() => {
      if (node.holds("housekeeping")) {
        this.#running = this.#running.then(() => this.erase(Date.now()));
      }
    }, intervalMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#running;
  }

  /** Erases what is old at a time, in milliseconds since 1970. Never throws. */
  async erase(nowMs: number): Promise<void> {
    const { read } = this.store;
    const before = new Date(nowMs - this.retentionMs).toISOString();
    const unexportedBefore = new Date(nowMs - 2 * this.retentionMs).toISOString();
    try {
      const exports = await read.auditExports.all();
      const upTo = Math.min(...exports.map(({ watermarkSeq }) => watermarkSeq), Infinity);
      const last = Number.isFinite(upTo) ? upTo : Number.MAX_SAFE_INTEGER;
      await this.#inBatches((tx) => tx.audit.erase(before, last, BATCH));
      if (exports.length > 0) {
        await this.#inBatches((tx) => this.#eraseUnexported(tx, unexportedBefore));
      }
    } catch (error) {
      logger.error("Failed to erase old events of the audit log: {error}", { error });
    }
  }

  async #inBatches(erase: (tx: Writers) => Promise<boolean>): Promise<void> {
    for (let isMore = true; isMore && !this.#stopping.signal.aborted;) {
      isMore = await this.store.write(erase, "durable", [locks.auditChain]);
      if (isMore) await wait(PAUSE_MS);
    }
  }

  /** Erases events for which exports waited too long, and records that in the same transaction. */
  async #eraseUnexported(tx: Writers, before: string): Promise<boolean> {
    const { baseSeq: from } = await tx.audit.head();
    const isMore = await tx.audit.erase(before, Number.MAX_SAFE_INTEGER, BATCH);
    const { baseSeq: upTo } = await tx.audit.head();
    if (upTo === from) return false;
    const late = (await tx.auditExports.all()).filter(({ watermarkSeq }) => watermarkSeq < upTo);
    await tx.audit.append(this.audit.entry({
      kind: "call",
      operation: "invoked.AuditService.EraseUnexported",
      activity: "delete",
      actor: { id: "server", displayName: "invoked", clientId: "server", kind: "server" },
      resources: late.map(({ id, displayName: name }) => ({ type: "export", id, name })),
      facts: { first_sequence: from + 1, last_sequence: upTo },
    }, {}));
    logger.warn(
      "Events {first} to {last} of the audit log were erased at twice the retention, before exports {ids} wrote them",
      { first: from + 1, last: upTo, ids: late.map(({ id }) => id).join(", ") },
    );
    return isMore;
  }
}
