import { getLogger } from "@logtape/logtape";
import type { Engine } from "../../engine/contract.ts";
import type { InvocationNotifier } from "../../engine/notifier.ts";
import type { InvocationError } from "../../store/failures.ts";
import { unlessUnchanged } from "../../store/grouped_writer.ts";
import type { OrphanedInvocation } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import type { Telemetry } from "../../telemetry/contract.ts";
import { locks } from "../locks.ts";
import type { Ownership } from "../ownership/contract.ts";
import type { DueWork, Scheduler } from "../scheduling/scheduler.ts";
import type { Attempts } from "./attempts.ts";
import type { InvocationEnds } from "./ends.ts";
import { delayUntilDue } from "./delay.ts";
import { freePermit } from "./rate_limit.ts";
import { unattempted } from "./reports.ts";
import { addUsage } from "./usage.ts";
import { conclude, type NextAttempt, nextAttempt, repeat } from "./attempt.ts";

const logger = getLogger(["invoked", "domain"]);

/** How often a node looks for invocations that it owns and does not run. */
const OWN_INTERVAL_MS = 5_000;

/**
 * Takes over the invocations that nobody runs: asynchronous ones that have not started, or may start again, run; all
 * others end as `INTERRUPTED:`. A server recovers once at its start. From then on each node recovers its own
 * invocations whose start or end it could not record. Of nodes that share a database, the one with the lease recovers
 * the invocations of nodes that have ended.
 */
export class Recovery implements DueWork {
  readonly name = "invocations that nobody runs";
  #recovering: Promise<void> | undefined;
  /** Attempts that this node owned and did not run at its last look, by their invocations, and the time of that look. */
  #suspects: ReadonlyMap<string, number> = new Map();
  #lookedAt = -Infinity;

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly engine: Engine;
      readonly ownership: Ownership;
      readonly attempts: Attempts;
      readonly ends: InvocationEnds;
      readonly telemetry: Telemetry;
      readonly notifier: InvocationNotifier;
      readonly scheduler: Scheduler;
    },
  ) {
    parts.scheduler.register(this);
    const { node } = parts.ownership;
    node.onHeartbeat(() => this.#workSoon(() => this.#work()));
    node.pause.onEnd(() => {
      this.#workSoon(() => this.recover());
      parts.scheduler.wake();
    });
  }

  #workSoon(work: () => Promise<void>): void {
    this.#recovering ??= work().catch((error) => {
      logger.error("Failed to recover invocations without an owner: {error}", { error });
    }).finally(() => this.#recovering = undefined);
  }

  nextAt(): Promise<Date | undefined> {
    return Promise.resolve(this.parts.ownership.nextLook(this.#lookedAt + OWN_INTERVAL_MS));
  }

  runDue(): Promise<void> {
    return this.#recoverOwn();
  }

  /** Takes over what no live node owns. */
  async recover(): Promise<void> {
    const { store, ownership, attempts } = this.parts;
    const live = await store.read.nodes.live();
    const ids = [ownership.node.id, ...live.map(({ id }) => id)];
    await this.#takeOverAll(await store.read.invocations.orphaned(ids), STOPPED);
    if (ownership.node.pause.current !== undefined) return;
    await ownership.recoverUnclaimed((row) => attempts.resume(row));
  }

  async #work(): Promise<void> {
    await this.#recoverOwn();
    if (this.parts.ownership.node.holds("recovery")) await this.recover();
  }

  /**
   * Takes over what this node owns and does not run at two looks: at most one look finds an invocation that is just
   * beginning.
   */
  async #recoverOwn(): Promise<void> {
    const { store, engine, ends, ownership: { node } } = this.parts;
    if (performance.now() - this.#lookedAt < OWN_INTERVAL_MS) return;
    this.#lookedAt = performance.now();
    const owned = await store.read.invocations.ownedBy(node.id);
    const suspects = owned.filter(({ id }) => !engine.has(id) && !ends.isStarting(id));
    const found = suspects.filter(({ id, attempt }) => this.#suspects.get(id) === attempt);
    const rows = await Promise.all(found.map(({ id }) => store.read.invocations.row(id)));
    const before = this.#suspects;
    this.#suspects = new Map(suspects.map(({ id, attempt }) => [id, attempt]));
    await this.#takeOverAll(
      rows.flatMap((row) =>
        row?.owner === node.id && row.attempt === before.get(row.id) && !engine.has(row.id)
          ? [{ ...row, owner: node.id }]
          : []
      ),
      UNRECORDED,
    );
  }

  async #takeOverAll(rows: readonly OrphanedInvocation[], why: Interruption): Promise<void> {
    // All at once: a rejection that nobody waits for yet would end the process.
    const [ended, resumed] = await Promise.all([
      Promise.all(rows.filter((row) => !mayRun(row)).map((row) => this.#interrupt(row, why))),
      Promise.all(rows.filter(mayRun).map((row) => this.#takeOver(row, why))),
    ]);
    const count = (taken: readonly boolean[]) => taken.filter(Boolean).length;
    const [interrupted, running] = [count(ended), count(resumed)];
    if (interrupted + running === 0) return;
    logger.warn(
      "{count} invocations had no owner: {interrupted} ended as INTERRUPTED, {running} run again",
      { count: interrupted + running, interrupted, running },
    );
  }

  /** False if another node was faster. */
  async #interrupt(row: OrphanedInvocation, why: Interruption): Promise<boolean> {
    const { store, notifier, scheduler, telemetry } = this.parts;
    const conclusion = { end: { status: "ERROR", ...interruption(row, why) } } as const;
    const fn = await store.read.functions.get(row.functionId);
    const now = new Date().toISOString();
    const interrupted = store.writeLocked([locks.ofFlow(row.functionId)], async (tx) => {
      tx.invocations.finish(row, conclusion, now);
      addUsage(tx, { row, fn }, { isAttempt: row.status === "RUNNING", end: "failed" }, now);
      await conclude(tx, { row, fn }, conclusion.end, now);
      await freePermit(tx, row.functionId, row.id, now);
      return true;
    });
    const isDone = await unlessUnchanged(interrupted) ?? false;
    notifier.notify(row.id);
    scheduler.wake();
    if (isDone) telemetry.endedUnattempted(unattempted(row, fn, conclusion.end.code));
    return isDone;
  }

  async #takeOver(row: OrphanedInvocation, why: Interruption): Promise<boolean> {
    const { store, ownership, attempts, telemetry } = this.parts;
    const now = new Date().toISOString();
    // On a paused server, the invocation waits for the scheduler, which waits for the end of the pause.
    const isPaused = ownership.node.pause.current !== undefined;
    const owner = isPaused ? null : ownership.ownerOf("async");
    const next = nextOf(row);
    const { status } = row;
    const error = interruption(row, why);
    const fn = await store.read.functions.get(row.functionId);
    const isRepeated = next !== undefined && status !== "PENDING";
    const left = await store.write(async (tx) => {
      if (isRepeated) {
        const delayed = isPaused ? { delayMs: next.delayMs ?? 0 } : next;
        const repeated = await repeat(tx, row, delayed, fn, owner, error);
        if (repeated !== undefined) addUsage(tx, { row, fn }, { isAttempt: true }, now);
        return repeated;
      }
      if (!await tx.invocations.release(row, { owner, attempt: row.attempt }, now)) {
        return undefined;
      }
      if (isPaused) await delayUntilDue(tx, row, now);
      return { isDelayed: isPaused };
    });
    if (left === undefined) return false;
    if (isRepeated) telemetry.endedUnattempted(unattempted(row, fn, error.code, isRepeated));
    if (left.isDelayed) this.parts.scheduler.wake();
    else await attempts.resume({ ...row, status: "PENDING" });
    return true;
  }
}

/** The next attempt of an invocation that was interrupted while it ran; undefined if it has none, or did not run. */
function nextOf(row: OrphanedInvocation): NextAttempt | undefined {
  return row.status === "RUNNING" ? nextAttempt(row, "INTERRUPTED", row.attempt) : undefined;
}

function mayRun(row: OrphanedInvocation): boolean {
  return row.mode === "async" && (row.status === "PENDING" || nextOf(row) !== undefined);
}

/** Why nobody runs an invocation: one that ran, or one that waited. */
type Interruption = Readonly<Record<"RUNNING" | "PENDING", string>>;

const STOPPED: Interruption = {
  RUNNING: "the server stopped while it ran; some of its code may have run",
  PENDING: "the server stopped before it started",
};
const UNRECORDED: Interruption = {
  RUNNING: "the server could not record how it ended; some or all of its code may have run",
  PENDING: "the server could not start it",
};

function interruption({ status }: OrphanedInvocation, why: Interruption): InvocationError {
  return { code: "INTERRUPTED", message: why[status === "RUNNING" ? status : "PENDING"] };
}
