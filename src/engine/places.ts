import { NotAdmitted, type Place } from "./contract.ts";

interface Seat {
  state: "waiting" | "running" | "left";
  readonly begin: () => void;
}

/** First come, first served: `maxRunning` places run, `maxQueued` more wait. */
export class Places {
  readonly #maxRunning: number;
  readonly #maxQueued: number;
  /** In order of arrival; seats that left while waiting are taken out at once. */
  readonly #queue = new Set<Seat>();
  #running = 0;

  constructor(limits: { maxRunning: number; maxQueued: number }) {
    this.#maxRunning = limits.maxRunning;
    this.#maxQueued = limits.maxQueued;
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** Throws {@link NotAdmitted} when all places are taken and the queue is full. */
  take(): Place {
    if (this.#running >= this.#maxRunning && this.#queue.size >= this.#maxQueued) {
      throw new NotAdmitted({
        kind: "queue-full",
        maxRunning: this.#maxRunning,
        maxQueued: this.#maxQueued,
      });
    }
    return this.takeBeyondQueue();
  }

  /** Takes a place whatever the length of the queue. */
  takeBeyondQueue(): Place {
    const { promise: turn, resolve: begin } = Promise.withResolvers<void>();
    const seat: Seat = { state: "waiting", begin };
    this.#queue.add(seat);
    this.#advance();
    return {
      turn,
      immediate: seat.state === "running",
      [Symbol.dispose]: () => this.#leave(seat),
    };
  }

  #leave(seat: Seat): void {
    if (seat.state === "running") this.#running--;
    if (seat.state === "waiting") this.#queue.delete(seat);
    seat.state = "left";
    this.#advance();
  }

  #advance(): void {
    for (const seat of this.#queue) {
      if (this.#running >= this.#maxRunning) return;
      this.#queue.delete(seat);
      seat.state = "running";
      this.#running++;
      seat.begin();
    }
  }
}
