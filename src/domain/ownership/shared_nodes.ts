import { getLogger } from "@logtape/logtape";
import type { Engine } from "../../engine/contract.ts";
import type { InvocationQueue } from "../../engine/worker_slots.ts";
import { pause } from "../../shared/pause.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import type { HeldSnapshot } from "../../store/nodes.ts";
import type { OldestKept, OwnerHandlers, Ownership } from "./contract.ts";
import type { LeasedNode } from "./leased_node.ts";

const logger = getLogger(["invoked", "domain"]);

/** How often each node offers again what waits. */
const OFFER_AGAIN_MS = 1_000;
/** Offers of one round. A process that claims one invocation goes on claiming, so a few offers start every waiting one. */
const OFFERS_MAX = 16;

/** Reaches other nodes. */
interface Peers {
  /** Asks a node to cancel an invocation that it owns; false if it does not answer or does not run the invocation. */
  cancel(nodeId: string, invocationId: string): Promise<boolean>;
  /** Answers what other nodes ask of this one. */
  serve(cancel: OwnerHandlers["cancel"]): void;
}

interface SharedParts {
  readonly store: Store;
  readonly node: LeasedNode;
  /** Hands waiting invocations to workers. */
  readonly queue: InvocationQueue;
  readonly peers: Peers;
  /** Once the lease has ended, other nodes may own what it runs. */
  readonly engine: Pick<Engine, "interrupt">;
  /** The versions of volumes that this node reads. */
  readonly snapshots: { readonly oldestHeld: readonly HeldSnapshot[] };
}

/** One of several nodes that share a database. Each owns invocations as long as it renews its lease. */
export class SharedNodes implements Ownership {
  readonly node: LeasedNode;
  /** The slots are those of all workers, of which other nodes may be faster. */
  readonly startsWithSlot = false;
  readonly countsRunning = true;
  readonly queuedMax = Infinity;
  /** Longer than the lease of an owner that does not answer. */
  readonly cancelTimeoutMs = 20_000;
  /** Another node may have written work. */
  readonly pollMs = 1_000;
  readonly #closing = new AbortController();
  /** The oldest waiting invocation of each function at the last look. */
  #waiting: ReadonlyMap<string, string> = new Map();
  #offering: Promise<void> | undefined;
  #cancelHere: OwnerHandlers["cancel"] = () => Promise.resolve(false);
  /** What to prune of each volume, and since when, by the monotonic clock. */
  readonly #wanted = new Map<
    string,
    { readonly oldest: number | "none"; readonly since: number }
  >();

  constructor(private readonly parts: SharedParts) {
    const { node, engine, queue, snapshots } = parts;
    this.node = node;
    node.publish((tx) => tx.nodes.holdSnapshots(node.id, snapshots.oldestHeld));
    node.onLost(() => {
      engine.interrupt();
      // This node could not decide on a claim, and would delay what waits.
      queue.accepts(false);
      this.#wanted.clear();
    });
    node.onHeartbeat(() => {
      // Another node sweeps from now on.
      if (!node.holds("housekeeping")) this.#wanted.clear();
      queue.accepts(node.clockError === undefined);
    });
  }

  ownerOf(mode: InvocationRow["mode"]): string | null {
    return mode === "sync" ? this.node.id : null;
  }

  offer({ memoryBytes }: Pick<InvocationRow, "memoryBytes">): boolean {
    void this.parts.queue.offer({ memoryBytes: memoryBytes ?? undefined });
    return true;
  }

  serve({ claim, cancel }: OwnerHandlers): void {
    this.parts.queue.serve(claim);
    this.parts.peers.serve(cancel);
    this.#cancelHere = cancel;
    this.#offering ??= this.#offerAgain();
  }

  async cancel(owner: string, invocationId: string): Promise<boolean> {
    return owner === this.node.id
      ? await this.#cancelHere(invocationId)
      : await this.parts.peers.cancel(owner, invocationId);
  }

  mayStillEnd(): Promise<boolean> {
    return Promise.resolve(true);
  }

  nextLook(): undefined {
    return undefined;
  }

  /** Releases what ended nodes held. Every node offers again what waits. */
  async recoverUnclaimed(): Promise<void> {
    await this.parts.store.write((tx) => tx.nodes.deleteExpired(), "committed");
  }

  /**
   * A snapshot of an earlier version was opened before this node first wanted to prune it, so a lease later every live node
   * has published that it holds the snapshot.
   */
  async agreeOn(volumeId: string, wanted: OldestKept): Promise<OldestKept> {
    const earlier = this.#wanted.get(volumeId);
    if (wanted === undefined) {
      this.#wanted.delete(volumeId);
      return undefined;
    }
    if (earlier === undefined) {
      this.#wanted.set(volumeId, { oldest: wanted, since: performance.now() });
      return undefined;
    }
    if (performance.now() < earlier.since + this.node.leaseMs) return undefined;
    const held = await this.parts.store.read.nodes.oldestSnapshot(volumeId);
    this.#wanted.delete(volumeId);
    if (earlier.oldest === "none" || wanted === "none") {
      return held === undefined && earlier.oldest === wanted ? "none" : undefined;
    }
    return Math.min(earlier.oldest, wanted, held ?? Infinity);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#offering;
    await this.node[Symbol.asyncDispose]();
  }

  /** The safety net for offers that are lost, and for what may start only now. */
  async #offerAgain(): Promise<void> {
    const { signal } = this.#closing;
    for (;;) {
      await pause(OFFER_AGAIN_MS, signal);
      if (signal.aborted) return;
      if (!this.node.isLive || this.node.pause.current !== undefined) continue;
      try {
        await this.#offerWaiting();
      } catch (error) {
        logger.debug("Failed to offer waiting invocations again: {error}", { error });
      }
    }
  }

  /** One offer suffices for a function whose invocations make no progress: it may be at its limit. */
  async #offerWaiting(): Promise<void> {
    const { store, queue } = this.parts;
    // Functions that no process can run must not keep other functions from their offers.
    const functions = await store.read.invocations.nextUnclaimed(OFFERS_MAX, queue.maximum);
    const needs = functions.flatMap(({ functionId, oldest, waiting, memoryBytes }) => {
      const isStuck = this.#waiting.get(functionId) === oldest;
      const length = isStuck ? 1 : Math.min(waiting, OFFERS_MAX);
      return Array.from({ length }, () => ({ memoryBytes }));
    });
    this.#waiting = new Map(functions.map(({ functionId, oldest }) => [functionId, oldest]));
    await Promise.all(needs.slice(0, OFFERS_MAX).map((each) => queue.offer(each)));
  }
}
