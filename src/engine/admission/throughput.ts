/** Milliseconds on a monotonic clock. */
export type Clock = () => number;

/** Releases of each slot in the moving average, so that slots released together do not sway it. */
const RELEASES_OF_EACH = 4;
/** Least number of releases in the average, for few slots. */
const RELEASES_MIN = 16;
/** Age at which a measurement no longer describes the calls that arrive. */
const MAX_AGE_MS = 60_000;

/**
 * Estimates how many slots are released per second while all are taken: the throughput of these slots, whether calls
 * compute or wait.
 *
 * Only the time in which all slots are taken counts, with or without queued calls. So the measurement goes on while all
 * calls that would have to wait are rejected, and an estimate that is too low corrects itself.
 */
export class ThroughputEstimator {
  readonly #slots: () => number;
  readonly #now: Clock;
  /** Releases while all slots were taken, and the time that they took: sums whose older parts decay. */
  #releases = 0;
  #elapsedMs = 0;
  #fullSince: number | undefined;
  #measuredAt = Number.NEGATIVE_INFINITY;

  /** @param slots how many there are now: workers come and go */
  constructor(slots: () => number, now: Clock) {
    this.#slots = slots;
    this.#now = now;
  }

  /** The last free slot is taken. */
  filled(): void {
    const now = this.#now();
    if (now - this.#measuredAt > MAX_AGE_MS) [this.#releases, this.#elapsedMs] = [0, 0];
    this.#fullSince = now;
  }

  /** The first slot is released after all were taken. */
  released(): void {
    this.#measuredAt = this.#now();
    const keep = 1 - 1 / Math.max(RELEASES_MIN, RELEASES_OF_EACH * this.#slots());
    this.#releases = this.#releases * keep + 1;
    this.#elapsedMs = this.#elapsedMs * keep + this.#currentMs(this.#measuredAt);
    this.#fullSince = undefined;
  }

  /** Undefined before as many releases as slots: the calls that end first would speak for all. */
  get perSecond(): number | undefined {
    const now = this.#now();
    // A server without workers has no slots, until the first one comes.
    if (this.#releases < Math.max(1, this.#slots())) return undefined;
    if (this.#fullSince === undefined && now - this.#measuredAt > MAX_AGE_MS) return undefined;
    const mean = this.#elapsedMs / this.#releases;
    // The next release takes at least as long as the time since the last one.
    const withNext = (this.#elapsedMs + this.#currentMs(now)) / (this.#releases + 1);
    return 1000 / Math.max(mean, withNext);
  }

  #currentMs(now: number): number {
    return this.#fullSince === undefined ? 0 : now - this.#fullSince;
  }
}
