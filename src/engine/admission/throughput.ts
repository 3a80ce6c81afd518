/** Milliseconds on a clock that never goes back. */
export type Clock = () => number;

/** The mean goes over about so many turns of every place, so that places that come free together do not sway it. */
const TURNS_OF_EACH = 4;
/** And over so many of all, where places are few. */
const TURNS_MIN = 16;
/** What was measured before such a pause says nothing of the calls that come now. */
const FORGET_MS = 60_000;

/**
 * How many calls a second get their turn while all places are taken: what these places sustain, whether the calls use
 * processors or wait.
 *
 * Only the time in which all places are taken counts, be there calls that wait or not. So the measure goes on where
 * all that would have to wait are refused, and a low one is put right.
 */
export class ThroughputEstimator {
  readonly #places: number;
  readonly #keep: number;
  readonly #now: Clock;
  /** Places that came free while all were taken, and how long that took: sums whose older parts fade. */
  #turns = 0;
  #elapsedMs = 0;
  #fullSince: number | undefined;
  #measuredAt = Number.NEGATIVE_INFINITY;

  constructor(places: number, now: Clock) {
    this.#places = places;
    this.#keep = 1 - 1 / Math.max(TURNS_MIN, TURNS_OF_EACH * places);
    this.#now = now;
  }

  /** The last free place is taken. */
  filled(): void {
    const now = this.#now();
    if (now - this.#measuredAt > FORGET_MS) [this.#turns, this.#elapsedMs] = [0, 0];
    this.#fullSince = now;
  }

  /** The first place came free, where all were taken. */
  freed(): void {
    this.#measuredAt = this.#now();
    this.#turns = this.#turns * this.#keep + 1;
    this.#elapsedMs = this.#elapsedMs * this.#keep + this.#underWayMs(this.#measuredAt);
    this.#fullSince = undefined;
  }

  /** Undefined until as many places came free as there are: before, the first ones to end would speak for all. */
  get perSecond(): number | undefined {
    const now = this.#now();
    if (this.#turns < this.#places) return undefined;
    if (this.#fullSince === undefined && now - this.#measuredAt > FORGET_MS) return undefined;
    const mean = this.#elapsedMs / this.#turns;
    // The turn that is under way is known to be no shorter than it is now.
    const withNext = (this.#elapsedMs + this.#underWayMs(now)) / (this.#turns + 1);
    return 1000 / Math.max(mean, withNext);
  }

  #underWayMs(now: number): number {
    return this.#fullSince === undefined ? 0 : now - this.#fullSince;
  }
}
