import type { Engine } from "../../engine/contract.ts";
import type { DelayedInvocationRow } from "../../store/delayed_invocations.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { flowLimitsOf } from "../functions/flow_settings.ts";
import { locks } from "../locks.ts";
import type { Ownership } from "../ownership/contract.ts";
import { eachAtOnce } from "../../shared/at_once.ts";
import { BEGUN_AT_ONCE, type DueWork } from "../scheduling/scheduler.ts";
import type { Attempts } from "./attempts.ts";
import type { InvocationEnds } from "./ends.ts";
import { furtherDelay } from "./admission.ts";
import { delayLine } from "./rate_limit.ts";

/** Delayed invocations that are read together. */
const BATCH_MAX = 200;

/** What became of a delayed invocation. */
type Decision =
  | "begun"
  /** The rate limit of its function delays it further, and all that wait for that limit. */
  | "waits-for-permit"
  /** It waits for something else or for others, has ended, or another node was faster. */
  | "left";

/** Begins invocations whose time has come: their rows are PENDING and have no owner. */
export class DelayedInvocations implements DueWork {
  readonly name = "delayed invocations";

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly engine: Engine;
      readonly ownership: Ownership;
      readonly attempts: Attempts;
      readonly ends: InvocationEnds;
    },
  ) {}

  async nextAt(): Promise<Date | undefined> {
    const dueAt = await this.parts.store.read.delays.nextDueAt();
    return dueAt === undefined ? undefined : new Date(dueAt);
  }

  async runDue(now: Date): Promise<void> {
    for (;;) {
      const limit = Math.min(BATCH_MAX, this.#free());
      if (limit <= 0) return;
      const due = await this.parts.store.read.delays.due(now.toISOString(), limit);
      const lines = new Set<string>();
      await eachAtOnce(due, BEGUN_AT_ONCE, async (delay) => {
        if (!waitsInLine(delay)) return void await this.#begin(delay);
        if (lines.has(delay.functionId)) return;
        lines.add(delay.functionId);
        await this.#beginLine(delay.functionId);
      });
      if (due.length < limit) return;
    }
  }

  /** How many invocations may join the queue of this process. */
  #free(): number {
    return this.parts.ownership.queuedMax - this.parts.engine.load.queued;
  }

  /**
   * Begins invocations that wait for the rate limit of a function, in their order, as far as permits are free. Any
   * invocation in the line may have become due: its time is an estimate, and the first in the line starts first.
   */
  async #beginLine(functionId: string): Promise<void> {
    const { delays } = this.parts.store.read;
    for (;;) {
      const limit = Math.min(BEGUN_AT_ONCE, this.#free());
      const first = limit > 0 ? await delays.firstInLine(functionId, limit) : [];
      if (first.length === 0) return;
      const decisions = await Promise.all(first.map((delay) => this.#begin(delay)));
      if (decisions.includes("waits-for-permit")) return;
    }
  }

  /** Begins an invocation, unless a limit of its function delays it further, it has ended, or another node was faster. */
  async #begin(delay: DelayedInvocationRow): Promise<Decision> {
    const { store, attempts, ends } = this.parts;
    const { invocationId: id, functionId } = delay;
    // From here on, a cancellation of the invocation waits until the engine has it.
    using _ = ends.announceStart(id);
    const fn = await store.read.functions.get(functionId);
    const isLimited = fn !== undefined && flowLimitsOf(fn) !== undefined;
    const decision = await store.writeLocked(
      isLimited ? [locks.ofFlow(functionId)] : [],
      (tx) => this.#decide(tx, delay, isLimited),
    );
    const row = decision === "begun" ? await store.read.invocations.row(id) : undefined;
    if (row !== undefined) await attempts.resume(row);
    return decision;
  }

  async #decide(tx: Writers, delay: DelayedInvocationRow, isLimited: boolean): Promise<Decision> {
    const { invocationId, functionId } = delay;
    // The limits may have changed since: nobody would release an invocation that waits for earlier ones.
    const fn = isLimited ? await tx.functions.get(functionId) : undefined;
    const limits = fn && flowLimitsOf(fn);
    const isInLine = waitsInLine(delay);
    if (limits !== undefined && isInLine) {
      const [first] = await tx.delays.firstInLine(functionId, 1);
      if (first?.invocationId !== invocationId) return "left";
    }
    const row = limits && await tx.invocations.waiting(invocationId);
    const further = fn && limits && row && await furtherDelay(tx, fn, limits, delay, row);
    if (further !== undefined) {
      await tx.delays.postpone(invocationId, further);
      const rate = further.reason === "rate-limit" ? limits?.rate : undefined;
      if (!isInLine || rate === undefined) return "left";
      await delayLine(tx, functionId, rate);
      return "waits-for-permit";
    }
    const now = new Date().toISOString();
    const owner = this.parts.ownership.ownerOf("async");
    if (!await tx.delays.end(invocationId, owner, now)) return "left";
    if (limits?.rate !== undefined && row !== undefined) {
      await tx.flow.holdPermit({ functionId, invocationId, attempt: row.attempt + 1 });
    }
    return "begun";
  }
}

/**
 * Whether an invocation waits in the line for the rate limit. An invocation that an earlier version delayed joins the
 * line when it is due.
 */
function waitsInLine({ reason, since }: DelayedInvocationRow): boolean {
  return reason === "rate-limit" && since !== null;
}
