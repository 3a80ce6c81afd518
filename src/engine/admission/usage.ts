/**
 * What invocations use: the slots of the server and of each function, the running invocations, and their throughput
 * while a limit is reached.
 */
import { LRUCache } from "lru-cache";
import type { Permit, RequestedSlot } from "./fair_queue.ts";

/** Limits of running invocations; each is a named setting in `src/config`. */
export interface SlotLimits {
  readonly maxRunning: number;
  readonly maxRunningPerFunction: number;
}

/** Functions with a throughput of their own; the one that reached its limit the longest ago is dropped first. */
const MEASURED_FUNCTIONS_MAX = 1_000;

/** The throughput of functions while they are at a limit. */
type Measured = LRUCache<
  string,
  { readonly limit: number; readonly throughput: ThroughputEstimator }
>;

/**
 * Counts the taken slots of the server and of each function, and the invocations that run in them, including nested
 * ones in the slots of their callers. Measures the throughput of what is at its limit.
 */
export class SlotUsage {
  /** Taken slots by function; no entry is 0. */
  readonly #slotsOf = new Map<string, number>();
  /** The running invocations by function; no set is empty. */
  readonly #runningOf = new Map<string, Set<RequestedSlot>>();
  /** Of functions that took as many slots as one function may have. */
  readonly #measured: Measured = new LRUCache({ max: MEASURED_FUNCTIONS_MAX });
  /** Of functions that reached a limit of their own. */
  readonly #measuredOwn: Measured = new LRUCache({ max: MEASURED_FUNCTIONS_MAX });
  /** Taken slots of the server; {@link SlotUsage.add} and {@link SlotUsage.delete} alone change it. */
  count = 0;
  /** Throughput of the whole server. */
  readonly throughput: ThroughputEstimator;

  constructor(private readonly limits: SlotLimits, private readonly now: Clock) {
    this.throughput = new ThroughputEstimator(() => limits.maxRunning, now);
  }

  /** Running invocations, nested ones included; no function has 0. */
  runningByFunction(): Map<string, number> {
    return new Map(Array.from(this.#runningOf, ([id, invocations]) => [id, invocations.size]));
  }

  /** Whether all slots of the server are taken. */
  get isFull(): boolean {
    return this.count >= this.limits.maxRunning;
  }

  /** Whether a function has as many slots as it may have. */
  isFullOf(functionId: string): boolean {
    return (this.#slotsOf.get(functionId) ?? 0) >= this.limits.maxRunningPerFunction;
  }

  /** Whether as many invocations of the function run as its own limit, as the request has it, allows. */
  isAtOwnLimit({ functionId, maxConcurrency = Infinity }: RequestedSlot): boolean {
    return (this.#runningOf.get(functionId)?.size ?? 0) >= maxConcurrency;
  }

  /** Whether no limit keeps an invocation from taking a slot of its own. */
  mayTakeSlot(slot: RequestedSlot): boolean {
    return !this.isFull && !this.isFullOf(slot.functionId) && !this.isAtOwnLimit(slot);
  }

  /** Throughput of a function that has as many slots as it may have. */
  throughputOf(functionId: string): ThroughputEstimator | undefined {
    return this.#measured.peek(functionId)?.throughput;
  }

  /** Throughput of a function that is at its own limit. */
  ownThroughputOf(functionId: string): ThroughputEstimator | undefined {
    return this.#measuredOwn.peek(functionId)?.throughput;
  }

  /** Whether every running invocation of the function waits for nested invocations that cannot run. */
  areBlocked(functionId: string): boolean {
    return [...this.#runningOf.get(functionId) ?? []].every(isBlocked);
  }

  /** Counts an invocation that begins to run. The first holder of a permit takes a slot. */
  add(slot: RequestedSlot, permit: Permit): void {
    const { functionId, maxConcurrency } = slot;
    const invocations = this.#runningOf.get(functionId) ?? new Set();
    this.#runningOf.set(functionId, invocations.add(slot));
    slot.caller?.runningNested.add(slot);
    if (invocations.size === maxConcurrency) {
      this.#throughputIn(this.#measuredOwn, functionId, maxConcurrency).filled();
    }
    if (++permit.holders > 1) return;
    const { maxRunning, maxRunningPerFunction } = this.limits;
    const slots = (this.#slotsOf.get(functionId) ?? 0) + 1;
    this.#slotsOf.set(functionId, slots);
    this.count++;
    if (this.count >= maxRunning) this.throughput.filled();
    if (slots >= maxRunningPerFunction) {
      this.#throughputIn(this.#measured, functionId, maxRunningPerFunction).filled();
    }
  }

  /** Counts an invocation that no longer runs. The last holder of a permit releases the slot. */
  delete(slot: RequestedSlot, permit: Permit): void {
    const { functionId } = slot;
    const invocations = this.#runningOf.get(functionId);
    const own = this.#measuredOwn.peek(functionId);
    if (own?.limit === invocations?.size) own?.throughput.released();
    invocations?.delete(slot);
    if (invocations?.size === 0) this.#runningOf.delete(functionId);
    slot.caller?.runningNested.delete(slot);
    if (--permit.holders > 0) return;
    const { maxRunning, maxRunningPerFunction } = this.limits;
    const slots = this.#slotsOf.get(permit.functionId) ?? 0;
    if (this.count >= maxRunning) this.throughput.released();
    if (slots >= maxRunningPerFunction) this.throughputOf(permit.functionId)?.released();
    if (slots === 1) this.#slotsOf.delete(permit.functionId);
    else this.#slotsOf.set(permit.functionId, slots - 1);
    this.count--;
  }

  #throughputIn(measured: Measured, functionId: string, limit: number): ThroughputEstimator {
    const known = measured.get(functionId);
    if (known?.limit === limit) return known.throughput;
    const throughput = new ThroughputEstimator(() => limit, this.now);
    measured.set(functionId, { limit, throughput });
    return throughput;
  }
}

/** An invocation that does other work meanwhile counts as blocked, too: its end does not depend on that work. */
function isBlocked({ queuedNested, runningNested }: RequestedSlot): boolean {
  const hasNested = queuedNested.size + runningNested.size > 0;
  return hasNested && [...runningNested].every(isBlocked);
}

/** How long an invocation counts as starting: it keeps a processor busy for about as long. */
const START_MS = 25;
/** How long after a synchronous invocation asynchronous ones start as if the next synchronous one were about to come. */
const EXPECTS_SYNC_MS = 10_000;
/** One processor stays free for the server, and for the next synchronous invocation. */
const MAX_STARTING = Math.max(1, navigator.hardwareConcurrency - 1);

/** The share of asynchronous invocations if no other is set: half of the slots, rounded up. */
export function asyncSlotsOf(slots: number): number {
  return Math.ceil(slots / 2);
}

/**
 * The slots that asynchronous invocations have. Nobody waits for asynchronous invocations, so they leave slots for
 * synchronous ones. While synchronous invocations come, only a few asynchronous ones start at a time: more would only
 * wait for a processor, and delay a synchronous invocation.
 */
export class AsyncSlots {
  #running = 0;
  #starting = 0;
  /** When the last synchronous invocation came, on the clock of `performance`. */
  lastSyncMs = -Infinity;

  /**
   * @param limit how many may run at the same time; read at each use, because workers come and go
   * @param onStarted called once a further invocation may start
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
    const expectsSync = performance.now() - this.lastSyncMs < EXPECTS_SYNC_MS;
    return expectsSync ? Math.min(free, Math.max(0, MAX_STARTING - this.#starting)) : free;
  }

  /** Counts an invocation from its start on, whatever the limits. Disposing the result ends the count. */
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

/** Milliseconds on a monotonic clock. */
export type Clock = () => number;

/** Releases of each slot in the moving average, so that slots released together do not sway it. */
const RELEASES_OF_EACH = 4;
/** Least number of releases in the average, for few slots. */
const RELEASES_MIN = 16;
/** Age at which a measurement no longer describes the arriving invocations. */
const MAX_AGE_MS = 60_000;

/**
 * Estimates how many slots are released per second while all are taken: the throughput of these slots, whether
 * invocations compute or wait.
 *
 * Only the time in which all slots are taken counts, with or without queued invocations. So the measurement lasts while
 * all invocations that would have to wait are rejected, and an estimate that is too low corrects itself.
 */
class ThroughputEstimator {
  /** Releases while all slots were taken, and the time that they took: sums whose older parts decay. */
  #releases = 0;
  #elapsedMs = 0;
  #fullSince: number | undefined;
  #measuredAt = Number.NEGATIVE_INFINITY;

  /** @param slots how many there are now: workers come and go */
  constructor(private readonly slots: () => number, private readonly now: Clock) {}

  /** The last free slot is taken. */
  filled(): void {
    const now = this.now();
    if (now - this.#measuredAt > MAX_AGE_MS) [this.#releases, this.#elapsedMs] = [0, 0];
    this.#fullSince = now;
  }

  /** The first slot is released after all were taken. */
  released(): void {
    this.#measuredAt = this.now();
    const keep = 1 - 1 / Math.max(RELEASES_MIN, RELEASES_OF_EACH * this.slots());
    this.#releases = this.#releases * keep + 1;
    this.#elapsedMs = this.#elapsedMs * keep + this.#currentMs(this.#measuredAt);
    this.#fullSince = undefined;
  }

  /** Undefined before as many releases as slots: the invocations that end first would speak for all. */
  get perSecond(): number | undefined {
    const now = this.now();
    // A server without workers has no slots, until the first one comes.
    if (this.#releases < Math.max(1, this.slots())) return undefined;
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
