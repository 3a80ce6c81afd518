import { getLogger } from "@logtape/logtape";
import type { InvocationNotifier } from "../../engine/notifier.ts";
import type { OrphanedInvocation } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import type { Node } from "../nodes/node.ts";
import type { Attempts } from "./attempts.ts";
import { endOf } from "./record.ts";

const logger = getLogger(["invoked", "domain"]);

/**
 * Takes over the calls whose owner does not live: asynchronous ones that have not started, or may start again, run; all
 * others end as `INTERRUPTED:`. A start recovers once; nodes that share a database recover while they hold the lease.
 */
export class Recovery {
  #recovering: Promise<void> | undefined;

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly node: Node;
      readonly attempts: Attempts;
      readonly notifier: InvocationNotifier;
    },
  ) {
    const { node } = parts;
    node.onBeat(() => {
      if (!node.holds("recovery")) return;
      this.#recovering ??= this.recover().catch((error) => {
        logger.error("Cannot recover calls of nodes that have ended: {error}", { error });
      }).finally(() => this.#recovering = undefined);
    });
  }

  async recover(): Promise<void> {
    const { store, node } = this.parts;
    const live = await store.read.nodes.live();
    const rows = await store.read.invocations.orphaned([node.id, ...live.map(({ id }) => id)]);
    const ended = await Promise.all(
      rows.filter((row) => !mayRun(row)).map((row) => this.#interrupt(row)),
    );
    const resumed = await Promise.all(
      rows.filter(mayRun).map((row) => this.#takeOver(row)),
    );
    // Their calls are recovered, so nothing refers to them.
    if (node.isShared) await store.write((tx) => tx.nodes.deleteExpired(), "committed");
    const count = (taken: readonly boolean[]) => taken.filter(Boolean).length;
    const [interrupted, running] = [count(ended), count(resumed)];
    if (interrupted + running === 0) return;
    logger.warn(
      "The last stop interrupted {interrupted} invocations; {running} resume now",
      { interrupted, running },
    );
  }

  /** False if another node was faster. */
  async #interrupt(row: OrphanedInvocation): Promise<boolean> {
    const { store, notifier } = this.parts;
    const conclusion = { end: interruption(row) };
    const now = new Date().toISOString();
    const isDone = await store.write((tx) => tx.invocations.finish(row, conclusion, now));
    notifier.notify(row.id);
    return isDone;
  }

  async #takeOver(row: OrphanedInvocation): Promise<boolean> {
    const { store, node, attempts } = this.parts;
    const now = new Date().toISOString();
    const isOurs = await store.write((tx) => tx.invocations.release(row, node.id, now));
    if (isOurs) await attempts.resume({ ...row, status: "PENDING", owner: node.id });
    return isOurs;
  }
}

function mayRun({ mode, status, attempt, maxAttempts }: OrphanedInvocation): boolean {
  return mode === "async" && (status === "PENDING" || attempt < maxAttempts);
}

function interruption({ status }: OrphanedInvocation): ReturnType<typeof endOf> {
  const message = status === "RUNNING"
    ? "the server stopped while it ran; some of its code may have run"
    : "the server stopped before it started";
  return endOf({ kind: "error", code: "INTERRUPTED", message });
}
