import type { Engine } from "../../engine/contract.ts";
import type { InvocationNotifier } from "../../engine/notifier.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import type { Telemetry } from "../../telemetry/contract.ts";
import { locks } from "../locks.ts";
import type { Ownership } from "../ownership/contract.ts";
import type { Scheduler } from "../scheduling/scheduler.ts";
import type { InvocationEnds } from "./ends.ts";
import type { Executions } from "./execution.ts";
import { freePermit } from "./rate_limit.ts";
import { unattempted } from "./reports.ts";
import { addUsage } from "./usage.ts";

/** Pause before the owner is asked again, which may have changed. */
const RETRY_MS = 1_000;

/** Cancels invocations, whichever node owns them. */
export class Cancellation {
  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly engine: Engine;
      readonly ownership: Ownership;
      readonly notifier: InvocationNotifier;
      readonly scheduler: Scheduler;
      readonly executions: Executions;
      readonly ends: InvocationEnds;
      readonly telemetry: Telemetry;
    },
  ) {}

  /** Cancels an invocation that this node runs; false if it does not. */
  async cancelHere(id: string): Promise<boolean> {
    const { engine, executions, ends } = this.parts;
    await ends.begun(id);
    return await executions.recorded(id, engine.cancel(id));
  }

  /** Cancels an invocation that has not ended, and waits for its end as long as its owner may need. */
  async cancel(functionId: string, id: string): Promise<void> {
    await this.cancelHere(id);
    // An invocation that has left the engine may wait for its next attempt.
    if (await this.#ask(id)) return;
    const deadline = performance.now() + this.parts.ownership.cancelTimeoutMs;
    // A delayed invocation may have begun meanwhile, or the owner may have changed.
    while (!await this.#ask(id)) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return;
      const retry = AbortSignal.timeout(Math.min(RETRY_MS, leftMs));
      await this.parts.ends.wait(functionId, id, retry);
    }
  }

  /** True once the invocation has ended. */
  async #ask(id: string): Promise<boolean> {
    const { store, ownership } = this.parts;
    const row = await store.read.invocations.row(id);
    if (row?.status !== "PENDING" && row?.status !== "RUNNING") return true;
    if (row.owner === null) return await this.#endUnclaimed(row);
    return await ownership.cancel(row.owner, id);
  }

  async #endUnclaimed(row: InvocationRow): Promise<boolean> {
    const { store, notifier, scheduler, telemetry } = this.parts;
    const { id, functionId, attempt } = row;
    const when = attempt === 0 ? "it started" : "its next attempt started";
    const message = `the invocation was cancelled before ${when}`;
    const error = { code: "CANCELLED", message };
    const now = new Date().toISOString();
    const fn = await store.read.functions.get(functionId);
    const hasEnded = await store.writeLocked([locks.ofFlow(functionId)], async (tx) => {
      const delay = await tx.delays.get(id);
      if (!await tx.invocations.endUnclaimed(id, error, now)) return false;
      addUsage(tx, { row, fn }, { isAttempt: false, end: "failed" }, now);
      await freePermit(tx, functionId, id, now);
      // The invocations behind it can start earlier.
      if (delay?.reason === "rate-limit") await tx.delays.wakeLine(functionId, now);
      return true;
    });
    if (!hasEnded) return false;
    notifier.notify(id);
    scheduler.wake();
    telemetry.endedUnattempted(unattempted(row, fn, error.code));
    return true;
  }
}
