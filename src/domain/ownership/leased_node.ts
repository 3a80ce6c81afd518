import { formatDuration } from "../../config/mod.ts";
import { getLogger } from "@logtape/logtape";
import { Lifecycle } from "../../shared/lifecycle.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { NodeRow } from "../../store/nodes.ts";
import { DomainError } from "../errors.ts";
import { locks } from "../locks.ts";
import { clockOffset, clockOffsetInWords, isClockWrong, TIMED_WORK } from "./clocks.ts";
import type { Lease, LeaseName, Node } from "./contract.ts";
import { Pause } from "./pause.ts";

const logger = getLogger(["invoked", "domain"]);

/** How often a node renews its lease. */
const RENEWAL_INTERVAL_MS = 2_000;
/** How long a node owns its invocations without a renewal. */
const LEASE_MS = 8_000;
/** Smaller changes of how far the clock is from the clock of the database are not written. */
const CLOCK_PRECISION_MS = 1_000;
/** When a caller may try again that met a node without its lease. */
const LEASE_RETRY_SECONDS = 2;

const LEASES: readonly LeaseName[] = ["housekeeping", "recovery", "schedules"];

export interface NodeSpec {
  readonly id: string;
  /** The version of invoked that it runs. */
  readonly version: string;
  /** The number of the protocol that it speaks with workers. */
  readonly protocol: number;
  /** Whether it works beside a node with that protocol. */
  readonly speaks: (protocol: number) => boolean;
}

/** What a node finds out with a renewal. */
interface Renewal {
  /** The common work that it does from now on. */
  readonly work: readonly LeaseName[];
  readonly liveNodes: number;
  readonly clockOffsetMs: number;
  /** Whether its clock is wrong, and the clock of another live node is right. */
  readonly yields: boolean;
}

/** The lease of a node from when it joins until the lease ends. */
class RenewedLease implements Lease {
  /** Its end without a further renewal, by the monotonic clock. */
  deadline = -Infinity;
  #hasEnded = false;

  /** A process that was suspended may run other work before the timer that ends the lease. */
  get isHeld(): boolean {
    return !this.#hasEnded && performance.now() < this.deadline;
  }

  end(): void {
    this.#hasEnded = true;
  }
}

/** @throws Error that names a live node which does not speak the protocol of this one */
export function assertSpeaks(
  live: readonly Pick<NodeRow, "id" | "version" | "protocol">[],
  { version, protocol, speaks }: Pick<NodeSpec, "version" | "protocol" | "speaks">,
): void {
  const foreign = live.find((node) => !speaks(node.protocol));
  if (foreign === undefined) return;
  throw new Error(
    `this node cannot join the API nodes of the database: node ${foreign.id}, version ${foreign.version}, ` +
      `speaks protocol ${foreign.protocol}, and this node, version ${version}, protocol ` +
      `${protocol}; they must differ by 1 at most, so upgrade one release after another`,
  );
}

/**
 * A node among others that share its database. A node owns the invocations whose rows have its id, as long as it renews
 * its lease; after that another node takes them over. Leases end by the time of the database, and no later by the
 * monotonic clock of the node, which began to wait before the database did.
 *
 * A node whose clock is wrong leaves what depends on clocks to the nodes whose clocks are right, if there are any.
 *
 * Modes: `live`; `lost` from the end of the lease until the node has joined again; `left`. Transitions: live → lost →
 * live, each → left.
 */
export class LeasedNode implements Node, AsyncDisposable {
  readonly id: string;
  readonly #lifecycle = new Lifecycle<"live" | "lost" | "left">("the node", "live", {
    live: ["lost", "left"],
    lost: ["live", "left"],
    left: [],
  });
  /** The end of each lease that it holds, by the monotonic clock. */
  readonly #held = new Map<LeaseName, number>();
  readonly #onLost: (() => void)[] = [];
  readonly #onHeartbeat: (() => void)[] = [];
  /** Writes, with each renewal, what other nodes must know of this one. */
  #published: (tx: Writers) => Promise<void> = () => Promise.resolve();
  #liveNodes = 1;
  /** As of the last renewal: how far the clock is from the database's, and whether the node yields to others for it. */
  #clockOffsetMs = 0;
  #yields = false;
  #lease = new RenewedLease();
  #expiry: ReturnType<typeof setTimeout> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #heartbeat: Promise<void> | undefined;

  /** @param leaseMs how long it owns its invocations without a renewal */
  private constructor(
    private readonly store: Store,
    private readonly spec: NodeSpec,
    readonly leaseMs: number,
    readonly pause: Pause,
  ) {
    this.id = spec.id;
  }

  /** Joins the nodes. */
  static async join(store: Store, spec: NodeSpec, leaseMs = LEASE_MS): Promise<LeasedNode> {
    const node = new LeasedNode(store, spec, leaseMs, await Pause.open(store));
    const sentAt = performance.now();
    await node.#join();
    node.#expireAt(sentAt + leaseMs);
    const interval = leaseMs * RENEWAL_INTERVAL_MS / LEASE_MS;
    node.#timer = setInterval(() => node.#startHeartbeat(), interval);
    await node.heartbeat();
    return node;
  }

  get isLive(): boolean {
    return this.#lifecycle.is("live");
  }

  get lease(): Lease {
    return this.#lease;
  }

  /** As of the last renewal. */
  get share(): number {
    return 1 / this.#liveNodes;
  }

  get clockError(): string | undefined {
    if (!this.#yields) return undefined;
    return `the clock of this machine is ${
      clockOffsetInWords(this.#clockOffsetMs)
    }, and the clock of another API node ` +
      "is right; synchronize the clock with NTP";
  }

  holds(name: LeaseName): boolean {
    return (name === "recovery" || this.pause.current === undefined) && this.leads(name);
  }

  leads(name: LeaseName): boolean {
    return this.isLive && (this.#held.get(name) ?? -Infinity) > performance.now();
  }

  /** Calls back each time that the lease has ended: from then on others may own what this node ran. */
  onLost(listener: () => void): void {
    this.#onLost.push(listener);
  }

  onHeartbeat(listener: () => void): void {
    this.#onHeartbeat.push(listener);
  }

  /** From now on `write` is part of each renewal: while the lease lasts, what it writes is no older than the lease. */
  publish(write: (tx: Writers) => Promise<void>): void {
    this.#published = write;
  }

  assertLive(what: string): Lease {
    if (this.isLive) return this.#lease;
    throw new DomainError(
      "STORAGE_UNAVAILABLE",
      `${what}: this node could not renew its lease in the database within ` +
        `${formatDuration(this.leaseMs)}, and joins again`,
      { retryAfterSeconds: LEASE_RETRY_SECONDS },
    );
  }

  /** Renews the lease, or joins again after its end; takes the leases that nobody holds. */
  async heartbeat(): Promise<void> {
    const sentAt = performance.now();
    const { id } = this;
    const renewal = await this.store.write(async (tx) => {
      if (!this.isLive) return undefined;
      return await this.#renew(tx);
    }, "committed");
    if (this.#lifecycle.is("left")) return;
    if (renewal === undefined) {
      this.#lose();
      await this.#join();
      this.#lease = new RenewedLease();
      this.#lifecycle.set("live");
      logger.warn("The node {id} has joined again", { id });
    }
    this.#expireAt(sentAt + this.leaseMs);
    await this.pause.refresh();
    this.#held.clear();
    this.#liveNodes = Math.max(1, renewal?.liveNodes ?? this.#liveNodes);
    for (const name of renewal?.work ?? []) this.#held.set(name, sentAt + this.leaseMs);
    if (renewal !== undefined) this.#noteClock(renewal);
    for (const listener of this.#onHeartbeat) listener();
  }

  /** Leaves: others may take over at once what it owns. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#expiry);
    await this.#heartbeat;
    this.#lifecycle.set("left");
    const { id } = this;
    await this.store.write((tx) => tx.nodes.leave(id), "committed").catch((error) => {
      logger.warn("The node {id} could not leave: its lease ends by itself", { id, error });
    });
  }

  /** Undefined if the lease has ended. */
  async #renew(tx: Writers): Promise<Renewal | undefined> {
    const { id, leaseMs } = this;
    const beforeMs = Date.now();
    const time = await tx.nodes.renew(id, leaseMs);
    if (time === undefined) return undefined;
    const clockOffsetMs = clockOffset(beforeMs, Date.parse(time), Date.now());
    const nodes = await tx.nodes.live();
    const noted = nodes.find((node) => node.id === id)?.clockOffsetMs ?? 0;
    if (Math.abs(noted - clockOffsetMs) > CLOCK_PRECISION_MS) {
      await tx.nodes.noteClock(id, clockOffsetMs);
    }
    const yields = isClockWrong(clockOffsetMs) &&
      nodes.some((node) => node.id !== id && !isClockWrong(node.clockOffsetMs));
    if (yields) await tx.nodes.leaveWork(TIMED_WORK, id);
    const work: LeaseName[] = [];
    for (const name of LEASES) {
      if (yields && TIMED_WORK.includes(name)) continue;
      if (await tx.nodes.takeLease(name, id, leaseMs)) work.push(name);
    }
    await this.#published(tx);
    return { work, liveNodes: nodes.length, clockOffsetMs, yields };
  }

  #noteClock({ clockOffsetMs, yields }: Renewal): void {
    const [was, is] = [this.#clockOffsetMs, clockOffsetMs].map(isClockWrong);
    this.#clockOffsetMs = clockOffsetMs;
    this.#yields = yields;
    if (is && !was) {
      logger.error("The clock of this machine is {offset}; synchronize both with NTP", {
        offset: clockOffsetInWords(clockOffsetMs),
      });
    } else if (was && !is) logger.info("The clock of this machine is right again");
  }

  async #join(): Promise<void> {
    const { id, version, protocol } = this.spec;
    await this.store.writeLocked([locks.nodes], async (tx) => {
      await tx.nodes.leaveUnshared();
      assertSpeaks(await tx.nodes.sharing(), this.spec);
      await tx.nodes.join({ id, version, protocol }, this.leaseMs);
      await this.#published(tx);
    }, "committed");
  }

  #startHeartbeat(): void {
    this.#heartbeat ??= this.heartbeat().catch((error) => {
      logger.warn("Failed to renew the lease of this node: {error}", { error });
    }).finally(() => this.#heartbeat = undefined);
  }

  #expireAt(deadline: number): void {
    clearTimeout(this.#expiry);
    this.#lease.deadline = deadline;
    this.#expiry = setTimeout(() => {
      this.#lose();
      // Packets of the renewal may be lost, and TCP would repeat them ever more seldom.
      this.store.giveUpConnections();
    }, deadline - performance.now());
  }

  #lose(): void {
    clearTimeout(this.#expiry);
    this.#lease.end();
    if (!this.#lifecycle.is("live")) return;
    this.#lifecycle.set("lost");
    this.#held.clear();
    logger.error("The node {id} has lost its lease: what it runs ends", { id: this.id });
    for (const listener of this.#onLost) listener();
  }
}
