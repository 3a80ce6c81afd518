import { type Call, NotAdmitted, type Place } from "./contract.ts";

/** Limits of places; each is a named setting in `src/config`. */
export interface PlaceLimits {
  readonly maxRunning: number;
  readonly maxRunningPerFunction: number;
  readonly maxQueued: number;
  /** Bytes of the inputs of waiting calls together. */
  readonly maxQueuedBytes: number;
}

/** One of the `maxRunning`, counted for a function; free once nobody of those who share it runs any more. */
interface Slot {
  readonly functionId: string;
  holders: number;
}

/** A call that waits for a slot, runs on one, or has left; it never goes back. */
class Seat implements Place {
  readonly #places: Places;
  readonly #begin: () => void;
  readonly functionId: string;
  readonly inputBytes: number;
  /** Of the call that waits for this one. */
  readonly parent: Seat | undefined;
  readonly turn: Promise<void>;
  state: "waiting" | "running" | "left" = "waiting";
  slot: Slot | undefined;
  /** The nested call that runs on this one's slot; while there is one, further ones wait. */
  guest: Seat | undefined;
  /** Nested calls that wait, in order of arrival. */
  readonly waitingGuests = new Set<Seat>();

  constructor(places: Places, { functionId, inputBytes }: Call, parent: Seat | undefined) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#places = places;
    this.functionId = functionId;
    this.inputBytes = inputBytes;
    this.parent = parent;
    this.turn = promise;
    this.#begin = resolve;
    parent?.waitingGuests.add(this);
  }

  get immediate(): boolean {
    return this.state === "running";
  }

  begin(slot: Slot): void {
    this.parent?.waitingGuests.delete(this);
    slot.holders++;
    this.slot = slot;
    this.state = "running";
    this.#begin();
  }

  nest(call: Call): Place {
    return this.#places.takeNested(call, this);
  }

  [Symbol.dispose](): void {
    this.#places.leave(this);
  }
}

/**
 * `maxRunning` slots, of one function no more than `maxRunningPerFunction`; `maxQueued` calls from outside wait, with
 * no more than `maxQueuedBytes` of input together. Functions
 * take turns, so that one with a long queue delays no other; the calls of one function go in order of arrival.
 *
 * A nested call waits in this same queue, and may besides run on the slot of the call that waits for it, where no
 * other nested call does. So every chain of calls that wait for each other gets on, however full the server
 * is: its last call always has a slot, or a sibling that will give it back. A slot carries one chain at most.
 */
export class Places {
  readonly #limits: PlaceLimits;
  /**
   * Waiting seats by function. The order of the functions is that of their turns: one that was served goes to
   * the end. A function without waiting seats is not here.
   */
  readonly #waiting = new Map<string, Set<Seat>>();
  /** Slots by function; none is 0. */
  readonly #runningOf = new Map<string, number>();
  #running = 0;
  #queued = 0;
  /** Of the seats that wait, those of calls from outside: nested ones take no room from them. */
  #outerQueued = 0;
  #outerQueuedBytes = 0;

  constructor(limits: PlaceLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#queued;
  }

  /** Throws {@link NotAdmitted} when the call could not run at once and the queue is full. */
  take(call: Call): Place {
    const { functionId, inputBytes } = call;
    const { maxRunning, maxRunningPerFunction, maxQueued, maxQueuedBytes } = this.#limits;
    const isServerFull = this.#running >= maxRunning;
    const isFunctionFull = (this.#runningOf.get(functionId) ?? 0) >= maxRunningPerFunction;
    const hasSeat = this.#outerQueued < maxQueued;
    const hasRoom = this.#outerQueuedBytes + inputBytes <= maxQueuedBytes;
    if ((isServerFull || isFunctionFull) && !(hasSeat && hasRoom)) {
      throw new NotAdmitted({
        kind: "queue-full",
        queueLimit: hasSeat ? "bytes" : "calls",
        queued: this.#outerQueued,
        queuedBytes: this.#outerQueuedBytes,
        maxQueuedBytes,
        runningLimit: isServerFull ? "server" : "function",
        maxRunning: isServerFull ? maxRunning : maxRunningPerFunction,
        maxQueued,
      });
    }
    return this.takeBeyondQueue(call);
  }

  /** Takes a place whatever the length of the queue. */
  takeBeyondQueue(call: Call): Place {
    return this.#seat(call, undefined);
  }

  /** Takes a place for a call that `parent` waits for, whatever the length of the queue. */
  takeNested(call: Call, parent: Seat): Place {
    const seat = this.#seat(call, parent);
    this.#lend(parent);
    return seat;
  }

  /** Takes the seat away, in whatever state it is; once is enough. */
  leave(seat: Seat): void {
    const { state, slot, parent } = seat;
    seat.state = "left";
    if (state === "waiting") {
      this.#dequeue(seat);
      parent?.waitingGuests.delete(seat);
    }
    if (state !== "running" || slot === undefined) return;
    slot.holders--;
    if (slot.holders === 0) this.#count(slot.functionId, -1);
    if (parent?.guest === seat) {
      parent.guest = undefined;
      this.#lend(parent);
    }
    this.#advance();
  }

  #seat(call: Call, parent: Seat | undefined): Seat {
    const seat = new Seat(this, call, parent);
    this.#enqueue(seat);
    this.#advance();
    return seat;
  }

  /** Lets the first nested call that waits run on the slot of its parent, where no other does. */
  #lend(parent: Seat): void {
    const { state, slot, guest } = parent;
    const [first] = parent.waitingGuests;
    if (state !== "running" || slot === undefined || guest !== undefined) return;
    if (first === undefined) return;
    this.#dequeue(first);
    parent.guest = first;
    first.begin(slot);
  }

  #enqueue(seat: Seat): void {
    const line = this.#waiting.get(seat.functionId);
    if (line === undefined) this.#waiting.set(seat.functionId, new Set([seat]));
    else line.add(seat);
    this.#countWaiting(seat, 1);
  }

  #dequeue(seat: Seat): void {
    const line = this.#waiting.get(seat.functionId);
    if (line?.delete(seat)) this.#countWaiting(seat, -1);
    if (line?.size === 0) this.#waiting.delete(seat.functionId);
  }

  #countWaiting({ parent, inputBytes }: Seat, change: 1 | -1): void {
    this.#queued += change;
    if (parent !== undefined) return;
    this.#outerQueued += change;
    this.#outerQueuedBytes += change * inputBytes;
  }

  #count(functionId: string, change: 1 | -1): void {
    const count = (this.#runningOf.get(functionId) ?? 0) + change;
    if (count === 0) this.#runningOf.delete(functionId);
    else this.#runningOf.set(functionId, count);
    this.#running += change;
  }

  #advance(): void {
    while (this.#running < this.#limits.maxRunning) {
      const seat = this.#next();
      if (seat === undefined) return;
      this.#dequeue(seat);
      this.#passTurn(seat.functionId);
      this.#count(seat.functionId, 1);
      seat.begin({ functionId: seat.functionId, holders: 0 });
    }
  }

  /** The first seat of the first function that may run one more. */
  #next(): Seat | undefined {
    for (const [functionId, line] of this.#waiting) {
      const running = this.#runningOf.get(functionId) ?? 0;
      if (running < this.#limits.maxRunningPerFunction) return line.values().next().value;
    }
    return undefined;
  }

  #passTurn(functionId: string): void {
    const line = this.#waiting.get(functionId);
    if (line === undefined) return;
    this.#waiting.delete(functionId);
    this.#waiting.set(functionId, line);
  }
}
