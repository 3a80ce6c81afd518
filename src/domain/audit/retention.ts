import { getLogger } from "@logtape/logtape";
import type { Store, Writers } from "../../store/mod.ts";
import type { Telemetry } from "../../telemetry/contract.ts";
import { locks } from "../locks.ts";
import type { Node } from "../ownership/contract.ts";
import {
  before,
  type Erased,
  type ExpiredOfKind,
  inSteps,
  reportErased,
  type Sweeper,
} from "../retention/erasure.ts";
import type { Audit } from "./audit.ts";

const logger = getLogger(["invoked", "audit"]);

/** Longest time between two looks for old events. */
const INTERVAL_MAX_MS = 10 * 60 * 1000;
/** Events that one transaction erases. */
const BATCH = 500;

/**
 * Erases events from the oldest end once they are older than the retention. The chain stays verifiable: its base is the
 * hash of the last event that was erased. An event that an export has not written yet is kept for
 * at most the retention again: an export that always fails fills no disk.
 */
export class AuditRetention implements Sweeper, AsyncDisposable {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: Store,
    private readonly node: Pick<Node, "holds">,
    private readonly retentionMs: number,
    private readonly audit: Pick<Audit, "entry">,
    private readonly telemetry: Pick<Telemetry, "retentionErased">,
  ) {
    const intervalMs = Math.min(INTERVAL_MAX_MS, retentionMs);
    this.#timer = setInterval(() => {
      if (node.holds("housekeeping")) {
        this.#running = this.#running.then(() => this.#sweep());
      }
    }, intervalMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#running;
  }

  async expired(nowMs: number): Promise<readonly ExpiredOfKind[]> {
    const { audit } = this.store.read;
    const { upTo, isHeld } = await this.#exported();
    const old = await audit.expired(before(nowMs, this.retentionMs), upTo);
    const late = isHeld
      ? await audit.expired(before(nowMs, 2 * this.retentionMs), Number.MAX_SAFE_INTEGER)
      : old;
    // Both begin at the base of the chain.
    const { count, oldest, newest } = (late.last ?? 0) > (old.last ?? 0) ? late : old;
    return [{ kind: "audit_events", setting: "--audit-retention", count, oldest, newest }];
  }

  async erase(nowMs: number): Promise<Erased> {
    const time = before(nowMs, this.retentionMs);
    const { upTo, isHeld } = await this.#exported();
    let erased = await this.#inBatches((tx) => tx.audit.erase(time, upTo, BATCH));
    if (isHeld) {
      const late = before(nowMs, 2 * this.retentionMs);
      erased += await this.#inBatches((tx) => this.#eraseUnexported(tx, late));
    }
    return new Map([["audit_events", erased]]);
  }

  /** Never throws. */
  async #sweep(): Promise<void> {
    try {
      reportErased(await this.erase(Date.now()), this.telemetry);
    } catch (error) {
      logger.error("Failed to erase old events of the audit log: {error}", { error });
    }
  }

  /** The last event that every export has written, and whether there is an export. */
  async #exported(): Promise<{ readonly upTo: number; readonly isHeld: boolean }> {
    const exports = await this.store.read.auditExports.all();
    const marks = exports.map(({ watermarkSeq }) => watermarkSeq);
    return { upTo: Math.min(...marks, Number.MAX_SAFE_INTEGER), isHeld: exports.length > 0 };
  }

  /** @returns how many events were erased */
  async #inBatches(erase: (tx: Writers) => Promise<number>): Promise<number> {
    let total = 0;
    await inSteps(async () => {
      const count = await this.store.writeLocked([locks.auditChain], erase);
      total += count;
      return count === BATCH;
    }, this.#stopping.signal);
    return total;
  }

  /** Erases events for which exports waited too long, and records that in the same transaction. */
  async #eraseUnexported(tx: Writers, time: string): Promise<number> {
    const { baseSeq: from } = await tx.audit.head();
    const erased = await tx.audit.erase(time, Number.MAX_SAFE_INTEGER, BATCH);
    const { baseSeq: upTo } = await tx.audit.head();
    if (upTo === from) return 0;
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
    return erased;
  }
}
