import type { Engine } from "../../engine/contract.ts";
import type { DelayedCallRow } from "../../store/delayed_calls.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { locks } from "../locks.ts";
import type { Node } from "../nodes/node.ts";
import { eachAtOnce } from "../../shared/at_once.ts";
import { BEGUN_AT_ONCE, type DueWork } from "../scheduling/scheduler.ts";
import type { Attempts } from "./attempts.ts";
import type { InvocationEnds } from "./ends.ts";
import { furtherDelay, governed } from "./flow_control.ts";

/** Delayed calls that are read together. */
const BATCH_MAX = 200;
/** Calls in the queue of this process up to which further delayed ones join it: each keeps its input in memory. */
const QUEUED_MAX = 400;

/** Begins calls that wait for their time: their rows are PENDING and have no owner. */
export class DelayedCalls implements DueWork {
  readonly name = "delayed calls";

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly engine: Engine;
      readonly node: Node;
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
      await eachAtOnce(due, BEGUN_AT_ONCE, (delay) => this.#begin(delay));
      if (due.length < limit) return;
    }
  }

  /** How many calls may join the queue of this process; any number may be offered to workers. */
  #free(): number {
    const { engine, attempts } = this.parts;
    return attempts.ownerOfWaiting === null ? BATCH_MAX : QUEUED_MAX - engine.load.queued;
  }

  /** Begins a call, unless a limit of its function delays it further, it has ended, or another node was faster. */
  async #begin(delay: DelayedCallRow): Promise<void> {
    const { store, node, attempts, ends } = this.parts;
    const { invocationId: id, functionId } = delay;
    // Whoever cancels the call from here on waits until the engine has it.
    using _ = ends.announceStart(id);
    const fn = await store.read.functions.get(functionId);
    const limited = fn === undefined ? undefined : governed(fn);
    const isOurs = await store.write(
      (tx) => this.#decide(tx, delay, limited !== undefined),
      "durable",
      limited === undefined ? [] : [locks.ofFlow(functionId)],
    );
    const row = isOurs ? await store.read.invocations.row(id) : undefined;
    if (row !== undefined) await attempts.resume({ ...row, owner: node.id });
  }

  async #decide(
    tx: Writers,
    delay: DelayedCallRow,
    isLimited: boolean,
  ): Promise<boolean> {
    const { invocationId: id, functionId } = delay;
    // The limits may have changed since: nobody would release a call that waits for earlier ones.
    const fn = isLimited ? await tx.functions.get(functionId) : undefined;
    const limited = fn && governed(fn);
    if (limited !== undefined) {
      const row = await tx.invocations.waiting(id);
      const further = row && await furtherDelay(tx, limited, delay, row);
      if (further !== undefined) {
        await tx.delays.postpone(id, further);
        return false;
      }
    }
    const now = new Date().toISOString();
    return await tx.delays.end(id, this.parts.attempts.ownerOfWaiting, now);
  }
}
