/**
 * The port of ownership: which node of a database owns an invocation, and what follows from that. An only node owns
 * every invocation; nodes that share a database own the invocations whose rows have their id, and leave waiting
 * invocations to whichever node claims them.
 */
import type { ClaimHandler } from "../../engine/worker_slots.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Pause } from "./pause.ts";

/** Work that one node does for all nodes. */
export type LeaseName = "housekeeping" | "recovery" | "schedules";

/** A time without a gap in which a node owns its invocations. */
export interface Lease {
  /** Once false, it stays so: other nodes may have taken over what the node began under this lease. */
  readonly isHeld: boolean;
}

/** This process among the nodes of its database. */
export interface Node {
  /** Unique among all nodes that ever run. */
  readonly id: string;
  /** Whether it owns its invocations now. */
  readonly isLive: boolean;
  /** The present lease, or the last one while the node is not live. */
  readonly lease: Lease;
  /** The part of a limit of all nodes that this node may use: each live node has one part. */
  readonly share: number;
  /**
   * Why clients should use another node: the clock of this node is wrong, and the clock of another live node is right.
   * Undefined while the node is as good as others.
   */
  readonly clockError: string | undefined;
  /** Whether the server is paused, and why. */
  readonly pause: Pause;
  /** Whether it does this work for all nodes now. While the server is paused, no node does housekeeping or schedules. */
  holds(name: LeaseName): boolean;
  /** Whether it is the node for this work, even while the server is paused: for what only reads and reports. */
  leads(name: LeaseName): boolean;
  /**
   * The present lease.
   * @param what was not done, such as `Function ID was not invoked`
   * @throws STORAGE_UNAVAILABLE while the node is not live
   */
  assertLive(what: string): Lease;
  /** Calls back after each renewal of its lease: other nodes may have changed the records. */
  onHeartbeat(listener: () => void): void;
}

/** Answers what workers and other nodes ask of this node. */
export interface OwnerHandlers {
  readonly claim: ClaimHandler;
  /** Cancels an invocation that this node runs; false if it does not run the invocation. */
  readonly cancel: (invocationId: string) => Promise<boolean>;
}

/** The oldest version of a volume to keep, or `none` to delete the volume; undefined if nothing is to be pruned. */
export type OldestKept = number | "none" | undefined;

/** Decides which node owns what. `src/compose` chooses the implementation; nobody else asks whether there are other nodes. */
export interface Ownership extends AsyncDisposable {
  readonly node: Node;

  /**
   * The owner of an invocation that is recorded and may begin; null if any node may claim the invocation. Invariant:
   * only the owner records what happens to an invocation, and a caller waits only for an invocation that its own node
   * owns from the start.
   */
  ownerOf(mode: InvocationRow["mode"]): string | null;
  /**
   * Offers a waiting invocation to every node and worker. Its row is durable, PENDING and has the owner of
   * {@link ownerOf}; a lost offer is repeated.
   * @returns false if this node owns the invocation, and has to run it
   */
  offer(row: Pick<InvocationRow, "memoryBytes">): boolean;
  /**
   * Whether an invocation with a slot starts. If not, it may wait for a worker, and counts against a rate limit only
   * then.
   */
  readonly startsWithSlot: boolean;
  /** Invocations in the queue of this process up to which delayed ones begin: an owner keeps their inputs in memory. */
  readonly queuedMax: number;
  /**
   * Whether the database counts the running invocations of a function; otherwise the limiter of this node counts all of
   * them.
   */
  readonly countsRunning: boolean;

  /** Passes requests to the handlers from now on. */
  serve(handlers: OwnerHandlers): void;
  /** Has the owner cancel an invocation; false if the owner does not answer or does not run the invocation. */
  cancel(owner: string, invocationId: string): Promise<boolean>;
  /** How long a cancellation asks again: another node may take the invocation over, and end it. */
  readonly cancelTimeoutMs: number;
  /** Whether an invocation that this node does not run may still end: another node may run it, or it waits for its time. */
  mayStillEnd(invocationId: string): Promise<boolean>;

  /**
   * When the scheduler has this node look for invocations that it owns and does not run; undefined if each heartbeat
   * does.
   * @param dueAt of the look, by the monotonic clock
   */
  nextLook(dueAt: number): Date | undefined;
  /**
   * Makes sure that waiting invocations without an owner run, also if the nodes that left them have ended. Recovery has
   * taken over by then what these nodes owned.
   * @param resume runs an invocation that this node owns
   */
  recoverUnclaimed(resume: (row: InvocationRow) => Promise<void>): Promise<void>;

  /**
   * What may be pruned of a volume: no version that a node reads, or may have begun to read.
   * @param wanted without the snapshots of other nodes
   */
  agreeOn(volumeId: string, wanted: OldestKept): Promise<OldestKept>;
  /** How often the scheduler looks for work without a reason. */
  readonly pollMs: number;
}
