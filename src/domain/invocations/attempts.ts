import type { Engine, Slot } from "../../engine/contract.ts";
import type { Store } from "../../store/mod.ts";
import type { FunctionLimits } from "../functions/limits.ts";
import type { ExecutionResult, Executions } from "./execution.ts";
import { type OwnedRow, type Plan, planOf } from "./planning.ts";

export interface AttemptParts {
  readonly store: Store;
  readonly engine: Engine;
  readonly executions: Executions;
  readonly functionLimits: FunctionLimits;
}

/** Runs calls, and those again that may have another attempt. */
export class Attempts {
  constructor(private readonly parts: AttemptParts) {}

  /**
   * Runs a recorded call until its end, or until the server stops.
   * @param slot of its first attempt here
   * @param signal aborts when the invocation that made this call has ended
   */
  async run(
    { execution, admission }: Plan,
    slot: Slot,
    signal: AbortSignal | undefined,
  ): Promise<ExecutionResult> {
    const { executions, engine } = this.parts;
    for (let next = execution;;) {
      const result = await executions.run(next, slot, signal);
      if (result.kind !== "to-repeat" || !engine.isOpen) return result;
      slot = engine.readmit(admission);
      next = { ...next, recordedAs: "PENDING", attempt: next.attempt + 1 };
    }
  }

  /** Runs a call that this node took over. Its row is PENDING. */
  async resume(row: OwnedRow): Promise<void> {
    const plan = await planOf(this.parts.store.read, row, this.parts.functionLimits);
    const slot = this.parts.engine.readmit(plan.admission);
    // What cannot be recorded is logged; the row then waits for the next start.
    this.run(plan, slot, undefined).catch(() => {});
  }
}
