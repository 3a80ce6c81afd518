import { getLogger } from "@logtape/logtape";
import { wallTimeOf } from "../../shared/time.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import { Pause } from "./pause.ts";
import type { Node, OldestKept, OwnerHandlers, Ownership } from "./contract.ts";

const logger = getLogger(["invoked", "domain"]);

/** Waiting invocations that are taken at once. */
const TAKEN_MAX = 500;

/**
 * The only node of its database: the lock of the database shows that all earlier nodes have ended. It owns every
 * invocation, runs them in its own process, and has no lease that could end.
 */
export class OnlyNode implements Ownership {
  readonly node: Node;
  readonly startsWithSlot = true;
  readonly countsRunning = false;
  readonly queuedMax = 400;
  /** A cancellation of an invocation that this node does not run is final at once. */
  readonly cancelTimeoutMs = 0;
  /** Nobody else writes work. The clock may be set. */
  readonly pollMs = 10_000;
  #cancel: OwnerHandlers["cancel"] = () => Promise.resolve(false);

  private constructor(private readonly store: Store, id: string, pause: Pause) {
    const lease = { isHeld: true };
    this.node = {
      id,
      isLive: true,
      lease,
      share: 1,
      clockError: undefined,
      pause,
      holds: (name) => name === "recovery" || pause.current === undefined,
      leads: () => true,
      assertLive: () => lease,
      onHeartbeat() {},
    };
  }

  /** Replaces the nodes before it. @param version of invoked that it runs */
  static async join(
    store: Store,
    { id, version }: { readonly id: string; readonly version: string },
  ): Promise<OnlyNode> {
    await store.write(async (tx) => {
      await tx.nodes.leaveOthers(id);
      await tx.nodes.join({ id, version, protocol: 0 }, undefined);
    }, "committed");
    return new OnlyNode(store, id, await Pause.open(store));
  }

  ownerOf(): string {
    return this.node.id;
  }

  offer(): boolean {
    return false;
  }

  serve({ cancel }: OwnerHandlers): void {
    this.#cancel = cancel;
  }

  cancel(_owner: string, invocationId: string): Promise<boolean> {
    return this.#cancel(invocationId);
  }

  async mayStillEnd(invocationId: string): Promise<boolean> {
    return await this.store.read.delays.get(invocationId) !== undefined;
  }

  nextLook(dueAt: number): Date {
    return new Date(wallTimeOf(Math.max(dueAt, performance.now())));
  }

  /** Runs the invocations that several nodes have left for a claim: this node runs its invocations alone. */
  async recoverUnclaimed(resume: (row: InvocationRow) => Promise<void>): Promise<void> {
    const store = this.store;
    for (;;) {
      const waiting = await store.read.invocations.unclaimed(TAKEN_MAX);
      const now = new Date().toISOString();
      for (const { id } of waiting) {
        const isOurs = await store.write((tx) => tx.invocations.own(id, this.node.id, now));
        const row = isOurs ? await store.read.invocations.row(id) : undefined;
        if (row !== undefined) await resume(row);
      }
      if (waiting.length < TAKEN_MAX) return;
    }
  }

  agreeOn(_volumeId: string, wanted: OldestKept): Promise<OldestKept> {
    return Promise.resolve(wanted);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { id } = this.node;
    await this.store.write((tx) => tx.nodes.leave(id), "committed").catch((error) => {
      logger.warn("The node {id} could not leave: the next start replaces it", { id, error });
    });
  }
}
