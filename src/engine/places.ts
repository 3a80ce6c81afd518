import { type Call, NotAdmitted, type Place } from "./contract.ts";

/** Limits of places; each is a named setting in `src/config`. */
export interface PlaceLimits {
  readonly maxRunning: number;
  readonly maxRunningPerFunction: number;
  readonly maxQueued: number;
  /** Bytes of the inputs of waiting calls together. */
  readonly maxQueuedBytes: number;
}

interface Seat {
  state: "waiting" | "running" | "left";
  readonly functionId: string;
  readonly inputBytes: number;
  readonly begin: () => void;
}

/**
 * `maxRunning` places run, of one function no more than `maxRunningPerFunction`; `maxQueued` more wait, with no
 * more than `maxQueuedBytes` of input together. Functions
 * take turns, so that one with a long queue delays no other; the calls of one function go in order of arrival.
 */
export class Places {
  readonly #limits: PlaceLimits;
  /**
   * Waiting seats by function. The order of the functions is that of their turns: one that was served goes to
   * the end. A function without waiting seats is not here.
   */
  readonly #waiting = new Map<string, Set<Seat>>();
  /** Running seats by function; none is 0. */
  readonly #runningOf = new Map<string, number>();
  #running = 0;
  #queued = 0;
  #queuedBytes = 0;

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
    const hasSeat = this.#queued < maxQueued;
    const hasRoom = this.#queuedBytes + inputBytes <= maxQueuedBytes;
    if ((isServerFull || isFunctionFull) && !(hasSeat && hasRoom)) {
      throw new NotAdmitted({
        kind: "queue-full",
        queueLimit: hasSeat ? "bytes" : "calls",
        queued: this.#queued,
        queuedBytes: this.#queuedBytes,
        maxQueuedBytes,
        runningLimit: isServerFull ? "server" : "function",
        maxRunning: isServerFull ? maxRunning : maxRunningPerFunction,
        maxQueued,
      });
    }
    return this.takeBeyondQueue(call);
  }

  /** Takes a place whatever the length of the queue. */
  takeBeyondQueue({ functionId, inputBytes }: Call): Place {
    const { promise: turn, resolve: begin } = Promise.withResolvers<void>();
    const seat: Seat = { state: "waiting", functionId, inputBytes, begin };
    this.#enqueue(seat);
    this.#advance();
    return {
      turn,
      immediate: seat.state === "running",
      [Symbol.dispose]: () => this.#leave(seat),
    };
  }

  #enqueue(seat: Seat): void {
    const line = this.#waiting.get(seat.functionId);
    if (line === undefined) this.#waiting.set(seat.functionId, new Set([seat]));
    else line.add(seat);
    this.#queued++;
    this.#queuedBytes += seat.inputBytes;
  }

  #dequeue(seat: Seat): void {
    const line = this.#waiting.get(seat.functionId);
    if (line?.delete(seat)) {
      this.#queued--;
      this.#queuedBytes -= seat.inputBytes;
    }
    if (line?.size === 0) this.#waiting.delete(seat.functionId);
  }

  #leave(seat: Seat): void {
    if (seat.state === "running") this.#count(seat.functionId, -1);
    if (seat.state === "waiting") this.#dequeue(seat);
    seat.state = "left";
    this.#advance();
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
      seat.state = "running";
      this.#count(seat.functionId, 1);
      seat.begin();
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
