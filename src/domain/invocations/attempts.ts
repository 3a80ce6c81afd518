import { getLogger } from "@logtape/logtape";
import type { CallQueue, Claim, Engine, Slot } from "../../engine/contract.ts";
import type { Store } from "../../store/mod.ts";
import type { FunctionLimits } from "../limits.ts";
import type { Node } from "../nodes/node.ts";
import type { Scheduler } from "../scheduling/scheduler.ts";
import {
  admissionOf,
  type Attempt,
  attemptAfter,
  attemptOf,
  ownConcurrencyOf,
  type OwnedRow,
} from "./attempt.ts";
import type { ExecutionResult, Executions } from "./execution.ts";
import { limitOf, type LimitWaits } from "./limit_waits.ts";

const logger = getLogger(["invoked", "domain"]);

/** Failed offers that are repeated soon; the calls of others are offered again as those that wait for long. */
const FAILED_OFFERS_MAX = 10_000;

interface AttemptParts {
  readonly store: Store;
  readonly engine: Engine;
  readonly node: Node;
  readonly executions: Executions;
  readonly functionLimits: FunctionLimits;
  readonly scheduler: Scheduler;
  readonly limitWaits: LimitWaits;
  /** Hands calls without a caller to workers; undefined if they run in this process alone. */
  readonly queue?: CallQueue | undefined;
}

/** Runs calls, and those again that may have another attempt. */
export class Attempts {
  /** Attempts whose offer failed, by their calls: each renewal of the lease repeats them. */
  readonly #failedOffers = new Map<string, number>();

  constructor(private readonly parts: AttemptParts) {
    parts.node.onHeartbeat(() => this.#repeatOffers());
  }

  /** Who owns a call that waits for its next attempt; null if any node may claim it. */
  get ownerOfWaiting(): string | null {
    return this.parts.queue === undefined ? this.parts.node.id : null;
  }

  /**
   * Runs a recorded call until its end, until the server stops, or until another attempt of it is offered or waits for
   * its time.
   * @param slot of its first attempt here
   * @param signal aborts when the invocation that made this call has ended
   * @param claim of the worker that runs it
   */
  async run(
    first: Attempt,
    slot: Slot,
    signal: AbortSignal | undefined,
    claim?: Claim,
  ): Promise<ExecutionResult> {
    const { executions, engine, queue } = this.parts;
    const { row: { id }, fn: { onSuccess, onFailure } } = first;
    for (let next = first;;) {
      const result = await executions.run(next, slot, signal, claim);
      this.#wakeWaiting(first);
      if (result.kind !== "repeat") {
        if (onSuccess !== null || onFailure !== null) this.parts.scheduler.wake();
        return result;
      }
      if (result.isDelayed) {
        this.parts.scheduler.wake();
        return result;
      }
      if (queue !== undefined) this.offer(id, result.attempt);
      if (queue !== undefined || !engine.isOpen) return result;
      next = attemptAfter(next, result.attempt);
      slot = engine.readmit(admissionOf({ ...next.row, ...next.limits }));
    }
  }

  /** Lets calls look again that wait for the limits that this one has counted against. */
  #wakeWaiting(attempt: Attempt): void {
    const { limitWaits, node } = this.parts;
    const { functionId, concurrencyKey } = attempt.row;
    if (node.isShared && ownConcurrencyOf(attempt) !== undefined) {
      limitWaits.wake(limitOf(functionId));
    }
    if (concurrencyKey === null) return;
    limitWaits.wake(limitOf(functionId, concurrencyKey));
    void this.#wakeNextOfKey(functionId, concurrencyKey);
  }

  /** Lets another call look again that waits for those with its concurrency key; otherwise it does so later. */
  async #wakeNextOfKey(functionId: string, key: string): Promise<void> {
    const { store, scheduler } = this.parts;
    const now = new Date().toISOString();
    try {
      await store.write((tx) => tx.delays.wake(functionId, key, now), "committed");
      scheduler.wake();
    } catch (error) {
      logger.debug("Cannot wake a call of function {functionId} yet: {error}", {
        functionId,
        error,
      });
    }
  }

  /** Offers a call to all workers. Its row waits; what is lost here is offered again later. @param attempt as recorded */
  offer(invocationId: string, attempt: number): void {
    this.#offer(invocationId, attempt).catch((error) => {
      logger.warn("Cannot offer invocation {invocationId} yet: {error}", { invocationId, error });
    });
  }

  /** Runs a call that this node took over, or offers it. Its row is PENDING. */
  async resume(row: OwnedRow): Promise<void> {
    if (this.parts.queue !== undefined) return this.offer(row.id, row.attempt);
    const attempt = await attemptOf(this.parts.store.read, row, this.parts.functionLimits);
    const slot = this.parts.engine.readmit(admissionOf({ ...row, ...attempt.limits }));
    // What cannot be recorded is logged; the row then waits for the next start.
    this.run(attempt, slot, undefined).catch(() => {});
  }

  async #offer(invocationId: string, attempt: number): Promise<void> {
    try {
      await this.parts.queue?.offer(invocationId, attempt + 1);
    } catch (error) {
      if (this.#failedOffers.size < FAILED_OFFERS_MAX) {
        this.#failedOffers.set(invocationId, attempt);
      }
      throw error;
    }
  }

  #repeatOffers(): void {
    const failed = [...this.#failedOffers];
    this.#failedOffers.clear();
    // The first failure was logged.
    for (const [id, attempt] of failed) this.#offer(id, attempt).catch(() => {});
  }
}
