import { type Clock, ThroughputEstimator } from "./throughput.ts";

/** Limits of what runs; each is a named setting in `src/config`. */
export interface SlotLimits {
  readonly maxRunning: number;
  readonly maxRunningPerFunction: number;
}

/** Functions whose own rate is known; the one that was at its limit the longest ago is forgotten first. */
const RATED_FUNCTIONS_MAX = 1_000;

/** Which places are taken, and how fast they come free where all are. */
export class SlotUsage {
  readonly #limits: SlotLimits;
  readonly #now: Clock;
  /** Places taken, by function; none is 0. */
  readonly #countOf = new Map<string, number>();
  /** Of functions that were at their own limit; the last one to reach it is the last. */
  readonly #rateOf = new Map<string, ThroughputEstimator>();
  #count = 0;
  /** Of the server as a whole. */
  readonly rate: ThroughputEstimator;

  constructor(limits: SlotLimits, now: Clock) {
    this.#limits = limits;
    this.#now = now;
    this.rate = new ThroughputEstimator(limits.maxRunning, now);
  }

  get count(): number {
    return this.#count;
  }

  /** Whether all places of the server are taken. */
  get isFull(): boolean {
    return this.#count >= this.#limits.maxRunning;
  }

  /** Whether a function has as many places as it may have. */
  isFullOf(functionId: string): boolean {
    return (this.#countOf.get(functionId) ?? 0) >= this.#limits.maxRunningPerFunction;
  }

  /** Of a function that is at its own limit. */
  rateOf(functionId: string): ThroughputEstimator | undefined {
    return this.#rateOf.get(functionId);
  }

  add(functionId: string): void {
    this.#countOf.set(functionId, (this.#countOf.get(functionId) ?? 0) + 1);
    this.#count++;
    if (this.isFull) this.rate.filled();
    if (this.isFullOf(functionId)) this.#rateFrom(functionId).filled();
  }

  delete(functionId: string): void {
    if (this.isFull) this.rate.freed();
    if (this.isFullOf(functionId)) this.#rateOf.get(functionId)?.freed();
    const count = (this.#countOf.get(functionId) ?? 0) - 1;
    if (count === 0) this.#countOf.delete(functionId);
    else this.#countOf.set(functionId, count);
    this.#count--;
  }

  #rateFrom(functionId: string): ThroughputEstimator {
    const rate = this.#rateOf.get(functionId) ??
      new ThroughputEstimator(this.#limits.maxRunningPerFunction, this.#now);
    this.#rateOf.delete(functionId);
    this.#rateOf.set(functionId, rate);
    const [oldest] = this.#rateOf.keys();
    if (this.#rateOf.size > RATED_FUNCTIONS_MAX && oldest !== undefined) {
      this.#rateOf.delete(oldest);
    }
    return rate;
  }
}
