import { LRUCache } from "lru-cache";
import type { AdmissionRequest } from "../contract.ts";
import type { RequestedSlot } from "./requested_slot.ts";
import { type Clock, ThroughputEstimator } from "./throughput.ts";

/** Functions with a throughput of their own; the one that reached its limit the longest ago is dropped first. */
const MEASURED_FUNCTIONS_MAX = 1_000;

interface Measured {
  readonly limit: number;
  readonly throughput: ThroughputEstimator;
}

/** The calls that run, by function, nested ones in the slots of their callers included. */
export class RunningCalls {
  readonly #now: Clock;
  /** No set is empty. */
  readonly #calls = new Map<string, Set<RequestedSlot>>();
  /** Of functions that reached a limit of their own. */
  readonly #measured = new LRUCache<string, Measured>({ max: MEASURED_FUNCTIONS_MAX });

  constructor(now: Clock) {
    this.#now = now;
  }

  add(slot: RequestedSlot): void {
    const { functionId, maxConcurrency } = slot;
    const calls = this.#calls.get(functionId);
    if (calls === undefined) this.#calls.set(functionId, new Set([slot]));
    else calls.add(slot);
    slot.caller?.runningNested.add(slot);
    if (maxConcurrency === undefined || this.#countOf(functionId) !== maxConcurrency) return;
    this.#throughputWith(functionId, maxConcurrency).filled();
  }

  delete(slot: RequestedSlot): void {
    const { functionId } = slot;
    const count = this.#countOf(functionId);
    const measured = this.#measured.peek(functionId);
    if (measured?.limit === count) measured.throughput.released();
    slot.caller?.runningNested.delete(slot);
    if (count > 1) this.#calls.get(functionId)?.delete(slot);
    else this.#calls.delete(functionId);
  }

  /** The limit of its own that the function of a request has reached; undefined if it has not, or has none. */
  limitReachedBy(
    { functionId, maxConcurrency }: Pick<AdmissionRequest, "functionId"> & {
      readonly maxConcurrency?: number | undefined;
    },
  ): number | undefined {
    const isReached = maxConcurrency !== undefined && this.#countOf(functionId) >= maxConcurrency;
    return isReached ? maxConcurrency : undefined;
  }

  /** Whether every running call of the function waits for nested calls that cannot run. */
  areBlocked(functionId: string): boolean {
    return [...this.#calls.get(functionId) ?? []].every(isBlocked);
  }

  /** Throughput of a function that is at its own limit. */
  throughputOf(functionId: string): ThroughputEstimator | undefined {
    return this.#measured.peek(functionId)?.throughput;
  }

  #countOf(functionId: string): number {
    return this.#calls.get(functionId)?.size ?? 0;
  }

  #throughputWith(functionId: string, limit: number): ThroughputEstimator {
    const known = this.#measured.get(functionId);
    if (known?.limit === limit) return known.throughput;
    const throughput = new ThroughputEstimator(() => limit, this.#now);
    this.#measured.set(functionId, { limit, throughput });
    return throughput;
  }
}

/** A call that does other work meanwhile counts as blocked, too: its end does not depend on that. */
function isBlocked({ queuedNested, runningNested }: RequestedSlot): boolean {
  const hasNested = queuedNested.size + runningNested.size > 0;
  return hasNested && [...runningNested].every(isBlocked);
}
