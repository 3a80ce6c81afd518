import { getLogger } from "@logtape/logtape";
import type { Engine, Slot } from "../../engine/contract.ts";
import type { WorkerSlot } from "../../engine/worker_slots.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import type { LoadReports } from "../commits/load_reports.ts";
import type { FunctionLimits } from "../limits.ts";
import type { Ownership } from "../ownership/contract.ts";
import type { Scheduler } from "../scheduling/scheduler.ts";
import { admissionOf, type Attempt, attemptAfter, attemptOf, runningLimitOf } from "./attempt.ts";
import type { ExecutionResult, Executions } from "./execution.ts";
import { limitOf, type LimitWaits } from "./limit_waits.ts";

const logger = getLogger(["invoked", "domain"]);

interface AttemptParts {
  readonly store: Store;
  readonly engine: Engine;
  readonly ownership: Ownership;
  readonly executions: Executions;
  readonly functionLimits: FunctionLimits;
  readonly scheduler: Scheduler;
  readonly limitWaits: LimitWaits;
  readonly loadReports: LoadReports;
}

/** Runs invocations, and runs them again if they may have another attempt. */
export class Attempts {
  constructor(private readonly parts: AttemptParts) {}

  /**
   * Runs a recorded invocation until its end, until the server stops, or until another attempt of it is offered or
   * waits for its time.
   * @param slot of its first attempt here
   * @param signal aborts when the invocation that made this one has ended
   * @param workerSlot its claim or reservation
   */
  run(
    first: Attempt,
    slot: Slot,
    signal: AbortSignal | undefined,
    workerSlot?: WorkerSlot,
  ): Promise<ExecutionResult> {
    // What an invocation changes is not a change of the request that started it.
    return this.parts.store.auditScopes.outside(() => this.#run(first, slot, signal, workerSlot));
  }

  async #run(
    first: Attempt,
    slot: Slot,
    signal: AbortSignal | undefined,
    workerSlot?: WorkerSlot,
  ): Promise<ExecutionResult> {
    const { executions, engine, ownership } = this.parts;
    const { fn: { onSuccess, onFailure } } = first;
    if (first.commit.loadState === null) this.parts.loadReports.request(first.commit);
    for (let next = first;;) {
      const result = await executions.run(next, slot, signal, workerSlot);
      this.#wakeWaiting(first);
      if (result.kind !== "repeat") {
        if (onSuccess !== null || onFailure !== null) this.parts.scheduler.wake();
        return result;
      }
      if (result.isDelayed) {
        this.parts.scheduler.wake();
        return result;
      }
      if (ownership.offer(first.row) || !engine.isOpen) return result;
      next = attemptAfter(next, result.attempt);
      slot = engine.readmit(admissionOf({ ...next.row, ...next.limits }));
    }
  }

  /** Wakes the invocations that wait for the limits that this one counted against. */
  #wakeWaiting(attempt: Attempt): void {
    const { limitWaits, ownership } = this.parts;
    const { functionId, concurrencyKey } = attempt.row;
    if (runningLimitOf(attempt, ownership)) limitWaits.wake(limitOf(functionId));
    if (concurrencyKey === null) return;
    limitWaits.wake(limitOf(functionId, concurrencyKey));
    void this.#wakeNextOfKey(functionId, concurrencyKey);
  }

  /** Wakes another invocation that waits for this concurrency key; if that fails, the waiting one looks again later. */
  async #wakeNextOfKey(functionId: string, key: string): Promise<void> {
    const { store, scheduler } = this.parts;
    const now = new Date().toISOString();
    try {
      await store.write((tx) => tx.delays.wake(functionId, key, now), "committed");
      scheduler.wake();
    } catch (error) {
      logger.debug("Failed to wake an invocation of function {functionId}: {error}", {
        functionId,
        error,
      });
    }
  }

  /** Offers a recorded invocation, or runs it if this node owns it. Its row is PENDING. */
  async resume(pending: InvocationRow): Promise<void> {
    const { ownership } = this.parts;
    if (ownership.offer(pending)) return;
    const row = { ...pending, owner: ownership.node.id };
    const attempt = await attemptOf(this.parts.store.read, row, this.parts.functionLimits);
    const slot = this.parts.engine.readmit(admissionOf({ ...row, ...attempt.limits }));
    // What cannot be recorded is logged; the row then waits for the next start.
    this.run(attempt, slot, undefined).catch(() => {});
  }
}
