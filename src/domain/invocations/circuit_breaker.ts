import { getLogger } from "@logtape/logtape";
import type { InvocationNotifier } from "../../engine/notifier.ts";
import type { Store } from "../../store/mod.ts";
import type { Principal } from "../identity/mod.ts";
import { locks } from "../locks.ts";
import { anyFunction } from "../references.ts";
import type { Scheduler } from "../scheduling/scheduler.ts";

const logger = getLogger(["invoked", "domain"]);

/** What becomes of the invocations that a circuit breaker has paused. */
type PausedDecision = "RUN" | "CANCEL";

/** Clears the circuit breakers of functions. */
export class CircuitBreaker {
  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly scheduler: Scheduler;
      readonly notifier: InvocationNotifier;
    },
  ) {}

  /** Runs or cancels the paused invocations of a function, and counts its runs anew. Returns how many were paused. */
  async clear(
    by: Principal,
    functionId: string,
    decision: PausedDecision,
    reason: string,
  ): Promise<number> {
    const { store, scheduler, notifier } = this.parts;
    const { id } = await anyFunction(store.read, functionId);
    const now = new Date().toISOString();
    const message = `the circuit breaker was cleared with CANCEL by ${by.displayName}` +
      (reason === "" ? "" : `: ${reason}`);
    const held = [locks.ofFunction(id), locks.ofFlow(id)];
    const waiting = await store.writeLocked(held, async (tx) => {
      await tx.functions.update(id, { circuitBreakerPausedAt: null });
      await tx.flow.forgetRuns(id);
      const paused = await tx.delays.paused(id);
      for (const invocation of paused) {
        if (decision === "CANCEL") {
          await tx.delays.skip(invocation, "CIRCUIT_BREAKER", message, now);
        } else {
          await tx.delays.postpone(invocation, { dueAt: now, reason: "released", key: null });
        }
      }
      return paused;
    });
    logger.info(
      "The circuit breaker of function {id} was cleared with {decision} by {by}: {reason}",
      {
        id,
        decision,
        by: by.displayName,
        reason,
      },
    );
    for (const invocation of waiting) notifier.notify(invocation);
    scheduler.wake();
    return waiting.length;
  }
}
