/** When the maintenance of a database runs after writes. */

/** Time from a write to its maintenance, which includes all later writes of that time. */
const INTERVAL_MS = 1000;
/**
 * The same before the first run, while there are few writes: a thread for maintenance costs a tenth of a second of
 * processor time to start, which servers save that live for a few seconds.
 */
const FIRST_INTERVAL_MS = 10_000;
/** Transactions that bring the first run forward. */
export const BUSY_WRITES = 64;

/** A timer that a write starts. */
export class Pace {
  readonly #run: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writes = 0;
  #hasRun = false;
  /** Whether the timer waits for the first interval, so that many writes bring it forward. */
  #isFirst = false;

  /** @param run called at the end of each interval */
  constructor(run: () => void) {
    this.#run = run;
  }

  /** Counts a write, and starts the timer unless it runs. @param isLarge whether its maintenance is not to wait long */
  count(isLarge: boolean): void {
    const isBusy = this.#hasRun || isLarge || ++this.#writes >= BUSY_WRITES;
    if (this.#timer === undefined) {
      this.start(isBusy ? INTERVAL_MS : FIRST_INTERVAL_MS);
      this.#isFirst = !isBusy;
    } else if (isBusy && this.#isFirst) {
      this.start(INTERVAL_MS);
    }
  }

  /** Restarts the timer. */
  start(ms: number): void {
    this.stop();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#hasRun = true;
      this.#run();
    }, ms);
    Deno.unrefTimer(this.#timer);
  }

  /** Stops the timer. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isFirst = false;
  }

  /** Whether it has run: then each write starts the same interval. */
  get hasRun(): boolean {
    return this.#hasRun;
  }
}
