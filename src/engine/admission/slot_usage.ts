import { LRUCache } from "lru-cache";
import { type Clock, ThroughputEstimator } from "./throughput.ts";

/** Limits of running calls; each is a named setting in `src/config`. */
export interface SlotLimits {
  readonly maxRunning: number;
  readonly maxRunningPerFunction: number;
}

/** Functions with a throughput of their own; the one that reached its limit the longest ago is dropped first. */
const MEASURED_FUNCTIONS_MAX = 1_000;

/** Counts taken slots, of the server and of each function, and measures their throughput while all are taken. */
export class SlotUsage {
  readonly #limits: SlotLimits;
  readonly #now: Clock;
  /** Taken slots by function; no entry is 0. */
  readonly #countOf = new Map<string, number>();
  /** Of functions that reached their own limit. */
  readonly #throughputOf = new LRUCache<string, ThroughputEstimator>({
    max: MEASURED_FUNCTIONS_MAX,
  });
  #count = 0;
  /** Throughput of the whole server. */
  readonly throughput: ThroughputEstimator;

  constructor(limits: SlotLimits, now: Clock) {
    this.#limits = limits;
    this.#now = now;
    this.throughput = new ThroughputEstimator(() => limits.maxRunning, now);
  }

  get count(): number {
    return this.#count;
  }

  /** Whether all slots of the server are taken. */
  get isFull(): boolean {
    return this.#count >= this.#limits.maxRunning;
  }

  /** Whether a function has as many slots as it may have. */
  isFullOf(functionId: string): boolean {
    return (this.#countOf.get(functionId) ?? 0) >= this.#limits.maxRunningPerFunction;
  }

  /** Throughput of a function that is at its own limit. */
  throughputOf(functionId: string): ThroughputEstimator | undefined {
    return this.#throughputOf.peek(functionId);
  }

  add(functionId: string): void {
    this.#countOf.set(functionId, (this.#countOf.get(functionId) ?? 0) + 1);
    this.#count++;
    if (this.isFull) this.throughput.filled();
    if (this.isFullOf(functionId)) this.#estimatorOf(functionId).filled();
  }

  delete(functionId: string): void {
    if (this.isFull) this.throughput.released();
    if (this.isFullOf(functionId)) this.#throughputOf.peek(functionId)?.released();
    const count = (this.#countOf.get(functionId) ?? 0) - 1;
    if (count === 0) this.#countOf.delete(functionId);
    else this.#countOf.set(functionId, count);
    this.#count--;
  }

  #estimatorOf(functionId: string): ThroughputEstimator {
    const known = this.#throughputOf.get(functionId);
    if (known !== undefined) return known;
    const estimator = new ThroughputEstimator(
      () => this.#limits.maxRunningPerFunction,
      this.#now,
    );
    this.#throughputOf.set(functionId, estimator);
    return estimator;
  }
}
