import {
  AdmissionRejected,
  type AdmissionRequest,
  type RunningLimit,
  type Slot,
} from "../contract.ts";
import { FairQueue, type QueuedRequest } from "./fair_queue.ts";
import { type SlotLimits, SlotUsage } from "./slot_usage.ts";
import type { Clock } from "./throughput.ts";

/** Limits of places; each is a named setting in `src/config`. */
export interface ConcurrencyLimits extends SlotLimits {
  readonly maxQueued: number;
  /** Bytes of the inputs of waiting calls together. */
  readonly maxQueuedBytes: number;
  /** Expected time until the turn of a synchronous call. */
  readonly maxWaitMs: number;
}

/** One of the `maxRunning`, counted for a function; free once nobody of those who share it runs any more. */
interface Permit {
  readonly functionId: string;
  holders: number;
}

/** A call that waits for a slot, runs on one, or has left; it never goes back. */
class QueuedSlot implements Slot, QueuedRequest {
  readonly #places: ConcurrencyLimiter;
  readonly #begin: () => void;
  readonly functionId: string;
  readonly inputBytes: number;
  readonly mode: "sync" | "async";
  /** Of the call that waits for this one. */
  readonly parent: QueuedSlot | undefined;
  readonly granted: Promise<void>;
  state: "waiting" | "running" | "left" = "waiting";
  slot: Permit | undefined;
  /** The nested call that runs on this one's slot; while there is one, further ones wait. */
  guest: QueuedSlot | undefined;
  /** Nested calls that wait, in order of arrival. */
  readonly waitingGuests = new Set<QueuedSlot>();

  constructor(
    places: ConcurrencyLimiter,
    { functionId, inputBytes, mode }: AdmissionRequest,
    parent: QueuedSlot | undefined,
  ) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#places = places;
    this.functionId = functionId;
    this.inputBytes = inputBytes;
    this.mode = mode;
    this.parent = parent;
    this.granted = promise;
    this.#begin = resolve;
    parent?.waitingGuests.add(this);
  }

  get isGranted(): boolean {
    return this.state === "running";
  }

  get nested(): boolean {
    return this.parent !== undefined;
  }

  begin(slot: Permit): void {
    this.parent?.waitingGuests.delete(this);
    slot.holders++;
    this.slot = slot;
    this.state = "running";
    this.#begin();
  }

  nest(call: AdmissionRequest): Slot {
    return this.#places.acquireNested(call, this);
  }

  [Symbol.dispose](): void {
    this.#places.release(this);
  }
}

/** A limit that keeps a call from running at once, and when it would let it. */
interface Saturation {
  readonly limit: RunningLimit;
  readonly maxRunning: number;
  /** Undefined while nothing was measured. */
  readonly perSecond: number | undefined;
  readonly turns: number;
}

/**
 * `maxRunning` slots, of one function no more than `maxRunningPerFunction`. Calls from outside that find none wait,
 * no more than `maxQueued` of them with no more than `maxQueuedBytes` of input together; asynchronous ones take no
 * room from synchronous ones. Those are besides refused where their turn is to be expected later than in `maxWaitMs`.
 * The order of turns is that of {@link FairQueue}.
 *
 * A nested call waits in this same queue, and may besides run on the slot of the call that waits for it, where no
 * other nested call does. So every chain of calls that wait for each other gets on, however full the server
 * is: its last call always has a slot, or a sibling that will give it back. A slot carries one chain at most.
 */
export class ConcurrencyLimiter {
  readonly #limits: ConcurrencyLimits;
  readonly #queue = new FairQueue<QueuedSlot>();
  readonly #running: SlotUsage;
  readonly #mayRun = (functionId: string) => !this.#running.isFullOf(functionId);

  constructor(limits: ConcurrencyLimits, now: Clock = () => performance.now()) {
    this.#limits = limits;
    this.#running = new SlotUsage(limits, now);
  }

  get running(): number {
    return this.#running.count;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** Calls that get their turn in a second while the server is full; undefined while that was not measured. */
  get perSecond(): number | undefined {
    return this.#running.rate.perSecond;
  }

  /**
   * Throws {@link AdmissionRejected} when the call could not run at once and the queue is full, or its turn, where somebody
   * waits for it, is too far away.
   */
  acquire(call: AdmissionRequest): Slot {
    const obstacles = this.#obstacles(call.functionId);
    const [first] = obstacles;
    if (first !== undefined) {
      this.#checkRoom(call, first);
      if (call.mode === "sync") obstacles.forEach((obstacle) => this.#checkWait(obstacle));
    }
    return this.acquireUnbounded(call);
  }

  /** Takes a place whatever the length of the queue. */
  acquireUnbounded(call: AdmissionRequest): Slot {
    return this.#seat(call, undefined);
  }

  /** Takes a place for a call that `parent` waits for, whatever the length of the queue. */
  acquireNested(call: AdmissionRequest, parent: QueuedSlot): Slot {
    const seat = this.#seat(call, parent);
    this.#lend(parent);
    return seat;
  }

  /** Takes the seat away, in whatever state it is; once is enough. */
  release(seat: QueuedSlot): void {
    const { state, slot, parent } = seat;
    seat.state = "left";
    if (state === "waiting") {
      this.#queue.delete(seat);
      parent?.waitingGuests.delete(seat);
    }
    if (state !== "running" || slot === undefined) return;
    slot.holders--;
    if (slot.holders === 0) this.#running.delete(slot.functionId);
    if (parent?.guest === seat) {
      parent.guest = undefined;
      this.#lend(parent);
    }
    this.#advance();
  }

  /** What keeps a call of the function from running at once. */
  #obstacles(functionId: string): readonly Saturation[] {
    const { maxRunning, maxRunningPerFunction } = this.#limits;
    const found: Saturation[] = [];
    if (this.#running.isFull) {
      found.push({
        limit: "server",
        maxRunning,
        perSecond: this.#running.rate.perSecond,
        turns: this.#queue.grantsUntil(functionId),
      });
    }
    if (this.#running.isFullOf(functionId)) {
      found.push({
        limit: "function",
        maxRunning: maxRunningPerFunction,
        perSecond: this.#running.rateOf(functionId)?.perSecond,
        turns: this.#queue.grantsWithin(functionId),
      });
    }
    return found;
  }

  #checkRoom({ mode, inputBytes }: AdmissionRequest, { limit, maxRunning }: Saturation): void {
    const { maxQueued, maxQueuedBytes } = this.#limits;
    const { calls, bytes } = this.#queue.backlog(mode);
    const hasSeat = calls < maxQueued;
    if (hasSeat && bytes + inputBytes <= maxQueuedBytes) return;
    throw new AdmissionRejected({
      kind: "queue-full",
      queueLimit: hasSeat ? "bytes" : "calls",
      queued: calls,
      queuedBytes: bytes,
      maxQueuedBytes,
      runningLimit: limit,
      maxRunning,
      maxQueued,
    });
  }

  #checkWait({ limit, maxRunning, perSecond, turns }: Saturation): void {
    const { maxWaitMs } = this.#limits;
    if (perSecond === undefined) return;
    const expectedMs = 1000 * turns / perSecond;
    if (expectedMs <= maxWaitMs) return;
    throw new AdmissionRejected({
      kind: "wait-too-long",
      runningLimit: limit,
      maxRunning,
      perSecond,
      expectedMs,
      maxWaitMs,
    });
  }

  #seat(call: AdmissionRequest, parent: QueuedSlot | undefined): QueuedSlot {
    const seat = new QueuedSlot(this, call, parent);
    this.#queue.add(seat);
    this.#advance();
    return seat;
  }

  /** Lets the first nested call that waits run on the slot of its parent, where no other does. */
  #lend(parent: QueuedSlot): void {
    const { state, slot, guest } = parent;
    const [first] = parent.waitingGuests;
    if (state !== "running" || slot === undefined || guest !== undefined) return;
    if (first === undefined) return;
    this.#queue.delete(first);
    parent.guest = first;
    first.begin(slot);
  }

  #advance(): void {
    while (!this.#running.isFull) {
      const seat = this.#queue.next(this.#mayRun);
      if (seat === undefined) return;
      this.#running.add(seat.functionId);
      seat.begin({ functionId: seat.functionId, holders: 0 });
    }
  }
}
