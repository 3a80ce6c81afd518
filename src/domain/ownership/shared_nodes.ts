import { getLogger } from "@logtape/logtape";
import type { Engine, InvocationQueue } from "../../engine/contract.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import type { HeldSnapshot } from "../../store/nodes.ts";
import type { OldestKept, OwnerHandlers, Ownership } from "./contract.ts";
import type { LeasedNode } from "./leased_node.ts";

const logger = getLogger(["invoked", "domain"]);

/** Failed offers that are repeated soon; other invocations are offered again after a long wait. */
const FAILED_OFFERS_MAX = 10_000;
/** How long an invocation waits for a claim until it is offered again. A queue forgets offers after two minutes. */
const UNCLAIMED_MS = 150_000;
/** Invocations that are offered again at once. */
const OFFERS_MAX = 500;

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
  /** Attempts whose offer failed, by their invocations: each heartbeat repeats them. */
  readonly #failedOffers = new Map<string, number>();
  /** Whether invocations may wait whose offers ended with their node. */
  #areOffersLost = false;
  #cancelHere: OwnerHandlers["cancel"] = () => Promise.resolve(false);
  /** What to prune of each volume, and since when, by the monotonic clock. */
  readonly #wanted = new Map<
    string,
    { readonly oldest: number | "none"; readonly since: number }
  >();

  constructor(private readonly parts: SharedParts) {
    const { node, engine, snapshots } = parts;
    this.node = node;
    node.publish((tx) => tx.nodes.holdSnapshots(node.id, snapshots.oldestHeld));
    node.onLost(() => {
      engine.interrupt();
      this.#wanted.clear();
    });
    node.onHeartbeat(() => {
      this.#repeatOffers();
      // Another node sweeps from now on.
      if (!node.holds("housekeeping")) this.#wanted.clear();
    });
  }

  ownerOf(mode: InvocationRow["mode"]): string | null {
    return mode === "sync" ? this.node.id : null;
  }

  offer(invocationId: string, attempt: number): boolean {
    this.#offer(invocationId, attempt).catch((error) => {
      logger.warn("Failed to offer invocation {invocationId}: {error}", { invocationId, error });
    });
    return true;
  }

  serve({ claim, cancel }: OwnerHandlers): void {
    this.parts.queue.serve(claim);
    this.parts.peers.serve(cancel);
    this.#cancelHere = cancel;
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

  /** Forgets the nodes that have ended, and offers invocations again, on the node that recovers for all. */
  async recoverUnclaimed(): Promise<void> {
    const ended = await this.parts.store.write((tx) => tx.nodes.deleteExpired(), "committed");
    if (ended > 0) this.#areOffersLost = true;
    if (this.node.holds("recovery")) await this.#offerAgain();
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
    await this.node[Symbol.asyncDispose]();
  }

  async #offer(invocationId: string, attempt: number): Promise<void> {
    try {
      await this.parts.queue.offer(invocationId, attempt + 1);
    } catch (error) {
      if (this.#failedOffers.size < FAILED_OFFERS_MAX) {
        this.#failedOffers.set(invocationId, attempt);
      }
      throw error;
    }
  }

  #repeatOffers(): void {
    const failed = [...this.#failedOffers];
    this.#failedOffers.clear();
    // The first failure was logged.
    for (const [id, attempt] of failed) this.#offer(id, attempt).catch(() => {});
  }

  /**
   * Offers invocations again that have waited long for a claim: an offer may be lost, or taken by a worker that then
   * ended. After the end of a node, all waiting invocations are offered. An invocation from the future was accepted by
   * a clock that differs.
   */
  async #offerAgain(): Promise<void> {
    const { store } = this.parts;
    const at = (ms: number) => new Date(Date.now() + ms).toISOString();
    const rows = await store.read.invocations.unclaimed({
      before: at(this.#areOffersLost ? 0 : -UNCLAIMED_MS),
      after: at(this.#areOffersLost ? 0 : UNCLAIMED_MS),
    }, OFFERS_MAX);
    if (rows.length < OFFERS_MAX) this.#areOffersLost = false;
    if (rows.length === 0) return;
    for (const { id, attempt } of rows) this.offer(id, attempt);
    await store.write((tx) => tx.invocations.touch(rows.map(({ id }) => id), at(0)), "committed");
  }
}
