import { getLogger } from "@logtape/logtape";
import type { Engine } from "../../engine/contract.ts";
import type { InvocationNotifier } from "../../engine/notifier.ts";
import type { OrphanedInvocation } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import type { Node } from "../nodes/node.ts";
import type { Scheduler } from "../scheduling/scheduler.ts";
import type { Attempts } from "./attempts.ts";
import { conclude } from "./conclusion.ts";
import { endOf } from "./record.ts";
import { type NextAttempt, nextAttempt, repeat } from "./retries.ts";

const logger = getLogger(["invoked", "domain"]);

/** How long a call waits for a claim until it is offered again. A queue forgets after two minutes what was offered. */
const UNCLAIMED_MS = 150_000;
/** Calls that are offered again at once. */
const OFFERS_MAX = 500;

/**
 * Takes over the calls whose owner does not live: asynchronous ones that have not started, or may start again, run; all
 * others end as `INTERRUPTED:`. A start recovers once; nodes that share a database recover while they hold the lease.
 */
export class Recovery {
  #recovering: Promise<void> | undefined;

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly engine: Engine;
      readonly node: Node;
      readonly attempts: Attempts;
      readonly notifier: InvocationNotifier;
      readonly scheduler: Scheduler;
    },
  ) {
    const { node } = parts;
    node.onBeat((lostAt) => {
      if (!node.holds("recovery") && lostAt === undefined) return;
      this.#recovering ??= this.#work(lostAt).catch((error) => {
        logger.error("Cannot recover calls of nodes that have ended: {error}", { error });
      }).finally(() => this.#recovering = undefined);
    });
  }

  /** Takes over what no live node owns. */
  async recover(): Promise<void> {
    const { store, node } = this.parts;
    const live = await store.read.nodes.live();
    const ids = [node.id, ...live.map(({ id }) => id)];
    await this.#takeOverAll(await store.read.invocations.orphaned(ids));
    // Their calls are recovered, so nothing refers to them.
    if (node.isShared) await store.write((tx) => tx.nodes.deleteExpired(), "committed");
  }

  /** @param lostAt when the lease of this node ended that it has again */
  async #work(lostAt: Date | undefined): Promise<void> {
    if (lostAt !== undefined) await this.#recoverOwn(lostAt);
    if (!this.parts.node.holds("recovery")) return;
    await this.recover();
    await this.#offerAgain();
  }

  /** Takes over what this node owned before its lease ended, and whose end it could not record. */
  async #recoverOwn(lostAt: Date): Promise<void> {
    const { store, engine, node } = this.parts;
    const rows = await store.read.invocations.ownedBy(node.id);
    const before = lostAt.toISOString();
    await this.#takeOverAll(rows.filter((row) => row.updatedAt < before && !engine.has(row.id)));
  }

  async #takeOverAll(rows: readonly OrphanedInvocation[]): Promise<void> {
    const ended = rows.filter((row) => !mayRun(row)).map((row) => this.#interrupt(row));
    const resumed = rows.filter(mayRun).map((row) => this.#takeOver(row));
    const count = (taken: readonly boolean[]) => taken.filter(Boolean).length;
    const [interrupted, running] = [
      count(await Promise.all(ended)),
      count(await Promise.all(resumed)),
    ];
    if (interrupted + running === 0) return;
    logger.warn(
      "The last stop interrupted {interrupted} invocations; {running} resume now",
      { interrupted, running },
    );
  }

  /** Offers calls again that wait for a claim for long: an offer may be lost, or taken by a worker that then ended. */
  async #offerAgain(): Promise<void> {
    const { store, attempts } = this.parts;
    const before = new Date(Date.now() - UNCLAIMED_MS).toISOString();
    const rows = await store.read.invocations.unclaimed(before, OFFERS_MAX);
    if (rows.length === 0) return;
    for (const { id, attempt } of rows) attempts.offer(id, attempt);
    const now = new Date().toISOString();
    await store.write((tx) => tx.invocations.touch(rows.map(({ id }) => id), now), "committed");
  }

  /** False if another node was faster. */
  async #interrupt(row: OrphanedInvocation): Promise<boolean> {
    const { store, notifier } = this.parts;
    const conclusion = { end: interruption(row) };
    const now = new Date().toISOString();
    const isDone = await store.write(async (tx) => {
      const isOurs = await tx.invocations.finish(row, conclusion, now);
      if (isOurs) await conclude(tx, row, conclusion.end, now);
      return isOurs;
    });
    notifier.notify(row.id);
    return isDone;
  }

  async #takeOver(row: OrphanedInvocation): Promise<boolean> {
    const { store, node, attempts } = this.parts;
    const now = new Date().toISOString();
    const owner = attempts.ownerOfWaiting;
    const next = nextOf(row);
    const { status } = row;
    const end = interruption(row);
    const isOurs = await store.write((tx) =>
      next === undefined || status === "PENDING" || end.status === "SUCCESS"
        ? tx.invocations.release(row, { owner, attempt: row.attempt }, now)
        : repeat(tx, row, next, owner, end.error)
    );
    if (!isOurs) return false;
    if (next?.delayMs === undefined) {
      await attempts.resume({ ...row, status: "PENDING", owner: node.id });
    } else this.parts.scheduler.wake();
    return true;
  }
}

/** The next attempt of a call that was interrupted while it ran; undefined if it has none, or did not run. */
function nextOf(row: OrphanedInvocation): NextAttempt | undefined {
  return row.status === "RUNNING" ? nextAttempt(row, "INTERRUPTED", row.attempt) : undefined;
}

function mayRun(row: OrphanedInvocation): boolean {
  return row.mode === "async" && (row.status === "PENDING" || nextOf(row) !== undefined);
}

function interruption({ status }: OrphanedInvocation): ReturnType<typeof endOf> {
  const message = status === "RUNNING"
    ? "the server stopped while it ran; some of its code may have run"
    : "the server stopped before it started";
  return endOf({ kind: "error", code: "INTERRUPTED", message });
}
