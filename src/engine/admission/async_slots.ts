/** How long a call counts as one that starts: it takes a processor for about as long. */
const START_MS = 25;
/** How long after a synchronous call asynchronous ones start as if the next was about to come. */
const EXPECTS_SYNC_MS = 10_000;
/** A processor stays free for the server, and for the next synchronous call. */
const MAX_STARTING = Math.max(1, navigator.hardwareConcurrency - 1);

/** The share of asynchronous calls where nothing else is set: half of the slots, rounded up. */
export function asyncSlotsOf(slots: number): number {
  return Math.ceil(slots / 2);
}

/**
 * The slots that asynchronous calls have. Nobody waits for them, so they leave slots for calls that somebody waits for.
 * While such calls come, they also start few at a time: more would only wait for a processor, and a synchronous call
 * with them.
 */
export class AsyncSlots {
  #running = 0;
  #starting = 0;
  #calledAt = -Infinity;

  /**
   * @param limit how many may run at the same time; read at each use, because workers come and go
   * @param onStarted called once a further call may start
   */
  constructor(private readonly limit: () => number, private readonly onStarted: () => void) {}

  /** How many may run at the same time. */
  get max(): number {
    return this.limit();
  }

  /** Whether as many run as may. */
  get isFull(): boolean {
    return this.#running >= this.max;
  }

  /** How many may start now. */
  get free(): number {
    const free = Math.max(0, this.max - this.#running);
    const expectsSync = performance.now() - this.#calledAt < EXPECTS_SYNC_MS;
    return expectsSync ? Math.min(free, Math.max(0, MAX_STARTING - this.#starting)) : free;
  }

  /** A call came that somebody waits for. */
  noteSync(): void {
    this.#calledAt = performance.now();
  }

  /** Counts a call from its start on, whatever the limits. Disposing the result ends that. */
  take(): Disposable {
    this.#running++;
    this.#starting++;
    let state: "starting" | "running" | "released" = "starting";
    const started = setTimeout(() => {
      state = "running";
      this.#starting--;
      this.onStarted();
    }, START_MS);
    return {
      [Symbol.dispose]: () => {
        if (state === "released") return;
        if (state === "starting") this.#starting--;
        clearTimeout(started);
        state = "released";
        this.#running--;
      },
    };
  }
}
