import {
  AdmissionRejected,
  type AdmissionRequest,
  type FunctionLoad,
  type RejectionReason,
  type RunningLimit,
  type Slot,
} from "../contract.ts";
import { AsyncSlots, asyncSlotsOf, type Clock, type SlotLimits, SlotUsage } from "./usage.ts";
import { FairQueue, type Permit, RequestedSlot } from "./fair_queue.ts";

/** Limits of admission; each is a named setting in `src/config`. */
export interface ConcurrencyLimits extends SlotLimits {
  /** Slots that asynchronous invocations may take; half of all slots if absent. */
  readonly asyncSlots?: number | undefined;
  readonly maxQueued: number;
  /** Bytes of the inputs of all queued invocations. */
  readonly maxQueuedBytes: number;
  /** What `maxRunning` limits; the invocations of this server if absent. */
  readonly runningLimit?: "server" | "workers";
  /** Expected time until a synchronous invocation gets its slot. */
  readonly maxWaitMs: number;
}

/** A limit that keeps an invocation from running at once, and the estimate of its wait. */
interface Saturation {
  readonly limit: RunningLimit;
  readonly maxRunning: number;
  /** Undefined without a measurement. */
  readonly perSecond: number | undefined;
  /** Grants up to and including that of the invocation. */
  readonly grants: number;
}

/** An admitted invocation may wait up to so many times `maxWaitMs` in all: an estimate does not know the future. */
const OVERDUE_FACTOR = 2;
/** How often within `maxWaitMs` the waiting invocations are reviewed. */
const REVIEWS_PER_WAIT = 4;

/**
 * Hands out `maxRunning` slots; one function gets at most `maxRunningPerFunction` of them, or its own limit.
 * Invocations from outside that find no free slot are queued, at most `maxQueued` of them with at most `maxQueuedBytes`
 * of input. Asynchronous invocations do not count against synchronous ones, and {@link AsyncSlots} limits how many of
 * them run. A synchronous invocation is rejected when its expected wait exceeds `maxWaitMs`. {@link FairQueue} orders
 * the grants. An estimate may be missing at first, or fall later: so the wait of an invocation ends as soon as it would
 * exceed {@link OVERDUE_FACTOR} times the limit, as measured then.
 *
 * A nested invocation is queued as well. It may also run in the slot of its caller while no other nested invocation
 * does. So every chain of invocations that wait for each other makes progress, however full the server is: its last
 * invocation has a slot, or a sibling that will release one. A slot carries one chain at most. Beyond its own limit, a
 * function gets an invocation in the slot of a caller only if all of its invocations wait for nested invocations: a
 * chain may lead back to the function.
 */
export class ConcurrencyLimiter {
  readonly #queue = new FairQueue<RequestedSlot>();
  readonly #usage: SlotUsage;
  readonly #async: AsyncSlots;
  #reviewedMs = -Infinity;
  /** Before this time no wait is too long. */
  #catchUpEndMs = -Infinity;
  readonly #mayRun = (slot: RequestedSlot) => this.#usage.mayTakeSlot(slot);

  /** @param outage its `error` keeps every invocation from beginning; call {@link limitsChanged} when it changes */
  constructor(
    readonly limits: ConcurrencyLimits,
    private readonly now: Clock = () => performance.now(),
    private readonly outage: { readonly error: string | undefined } = { error: undefined },
  ) {
    this.#usage = new SlotUsage(limits, now);
    const max = () => limits.asyncSlots ?? asyncSlotsOf(limits.maxRunning);
    this.#async = new AsyncSlots(max, () => this.#grantQueued());
  }

  get running(): number {
    return this.#usage.count;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** The functions with running or queued invocations. */
  get functionLoads(): FunctionLoad[] {
    const running = this.#usage.runningByFunction();
    const queued = this.#queue.sizeByFunction();
    return [...new Set([...running.keys(), ...queued.keys()])].map((functionId) => ({
      functionId,
      running: running.get(functionId) ?? 0,
      queued: queued.get(functionId) ?? 0,
    }));
  }

  /** Slots granted per second while the server is full; undefined without a recent measurement. */
  get perSecond(): number | undefined {
    return this.#usage.throughput.perSecond;
  }

  /** Requests a slot. Throws {@link AdmissionRejected} when the queue is full or the expected wait is too long. */
  acquire(request: AdmissionRequest): Slot {
    const slot = new RequestedSlot(this, request);
    const isSync = request.mode === "sync";
    if (isSync) this.#async.lastSyncMs = performance.now();
    const isNext = this.#queue.size === 0 && (isSync || this.#async.free > 0);
    if (isNext && this.outage.error === undefined && this.#usage.mayTakeSlot(slot)) {
      return this.#grant(slot);
    }
    this.#endOverdue();
    const reason = this.#rejection(slot, request);
    if (reason !== undefined) throw new AdmissionRejected(reason);
    return this.#enqueue(slot);
  }

  /** Why {@link acquire} would throw now; undefined if it would not. */
  rejection(request: AdmissionRequest): RejectionReason | undefined {
    return this.#rejection(new RequestedSlot(this, request), request);
  }

  /**
   * During this time, no invocation is rejected because of its expected wait: the invocations that clients sent while
   * no server ran arrive all at once.
   * @param durationMs from now, in milliseconds
   */
  catchUp(durationMs: number): void {
    this.#catchUpEndMs = this.now() + durationMs;
  }

  /** Requests a slot whatever the length of the queue. */
  acquireUnbounded(request: AdmissionRequest): Slot {
    return this.#enqueue(new RequestedSlot(this, request));
  }

  /** A granted slot, whatever the limits: another machine has reserved what the invocation needs. */
  acquireGranted(request: AdmissionRequest): Slot {
    return this.#grant(new RequestedSlot(this, request));
  }

  /** Requests a slot for an invocation that `caller` waits for, whatever the length of the queue. */
  acquireNested(request: AdmissionRequest, caller: RequestedSlot): Slot {
    const slot = new RequestedSlot(this, request, caller);
    caller.queuedNested.add(slot);
    this.#enqueue(slot);
    this.#lend(caller);
    return slot;
  }

  /** The limits may be higher now: grants what waits. */
  limitsChanged(): void {
    this.#grantQueued();
  }

  /** Releases a slot or takes back its request; a repeat has no effect. */
  release(slot: RequestedSlot): void {
    const { isGranted, permit, caller } = slot;
    if (!isGranted || permit === undefined) {
      this.#queue.delete(slot);
      caller?.queuedNested.delete(slot);
      return;
    }
    slot.isGranted = false;
    slot.asyncSlot?.[Symbol.dispose]();
    this.#usage.delete(slot, permit);
    if (caller?.borrower === slot) {
      caller.borrower = undefined;
      this.#lend(caller);
    }
    if (this.#queue.size === 0) return;
    this.#grantQueued();
    this.#lendFor(slot.functionId);
    this.#endOverdue();
  }

  /** Rejects invocations whose remaining wait, as measured now, is too long. */
  #endOverdue(): void {
    const { maxWaitMs } = this.limits;
    const now = this.now();
    if (now < this.#catchUpEndMs) return;
    if (this.#queue.size === 0 || now - this.#reviewedMs < maxWaitMs / REVIEWS_PER_WAIT) return;
    this.#reviewedMs = now;
    for (const [slot, ahead] of this.#queue.syncFromOutside()) {
      const waitedMs = now - slot.queuedMs;
      const expectedMs = this.#expectedMs(slot, ahead);
      const isSoon = expectedMs <= maxWaitMs || waitedMs + expectedMs <= OVERDUE_FACTOR * maxWaitMs;
      if (isSoon || slot.onOverdue === undefined) continue;
      // Delete it at once, so that the invocations behind it do not count it.
      this.#queue.delete(slot);
      slot.onOverdue({ waitedMs, expectedMs, maxWaitMs });
    }
  }

  /** How long a waiting invocation still has to wait, as far as this is measured. */
  #expectedMs(slot: RequestedSlot, ahead: number): number {
    return Math.max(0, ...this.#saturations(slot, ahead).map((each) => expectedMs(each) ?? 0));
  }

  /**
   * The limits that keep an invocation from running at once.
   * @param ahead invocations before it in its flow; the whole flow for an invocation that arrives now
   */
  #saturations(slot: RequestedSlot, ahead?: number): readonly Saturation[] {
    const { functionId, maxConcurrency } = slot;
    const { maxRunning, maxRunningPerFunction } = this.limits;
    const found: Saturation[] = [];
    if (this.outage.error !== undefined) {
      found.push({ limit: "outage", maxRunning, perSecond: undefined, grants: 0 });
    }
    if (this.#usage.isFull) {
      found.push({
        limit: this.limits.runningLimit ?? "server",
        maxRunning,
        perSecond: this.perSecond,
        grants: this.#queue.grantsUntil(functionId, ahead),
      });
    }
    if (this.#usage.isFullOf(functionId)) {
      found.push({
        limit: "function",
        maxRunning: maxRunningPerFunction,
        perSecond: this.#usage.throughputOf(functionId)?.perSecond,
        grants: this.#queue.grantsWithin(functionId, ahead),
      });
    }
    if (maxConcurrency !== undefined && this.#usage.isAtOwnLimit(slot)) {
      found.push({
        limit: "own",
        maxRunning: maxConcurrency,
        perSecond: this.#usage.ownThroughputOf(functionId)?.perSecond,
        grants: this.#queue.grantsWithin(functionId, ahead),
      });
    }
    if (slot.mode === "sync") return found;
    const { isFull, free, max } = this.#async;
    // One invocation may wait for the start of another: without a queue it would be rejected although a slot is free.
    if (isFull || free === 0 && this.#queue.asyncSize > 0) {
      found.push({ limit: "async", maxRunning: max, perSecond: undefined, grants: 0 });
    }
    return found;
  }

  #rejection(slot: RequestedSlot, request: AdmissionRequest): RejectionReason | undefined {
    const saturations = this.#saturations(slot);
    const [first] = saturations;
    if (first === undefined) return undefined;
    const full = this.#fullQueue(request, first);
    if (full !== undefined || request.mode !== "sync") return full;
    return saturations.map((each) => this.#longWait(each)).find((wait) => wait !== undefined);
  }

  #fullQueue(
    { mode, inputBytes }: AdmissionRequest,
    { limit, maxRunning }: Saturation,
  ): RejectionReason | undefined {
    const { maxQueued, maxQueuedBytes } = this.limits;
    const { invocations: queued, bytes } = this.#queue.backlog(mode);
    const isBelowCount = queued < maxQueued;
    if (isBelowCount && bytes + inputBytes <= maxQueuedBytes) return undefined;
    return {
      kind: "queue-full",
      queueLimit: isBelowCount ? "bytes" : "invocations",
      queued,
      queuedBytes: bytes,
      maxQueuedBytes,
      runningLimit: limit,
      maxRunning,
      maxQueued,
    };
  }

  #longWait(saturation: Saturation): RejectionReason | undefined {
    const { maxWaitMs } = this.limits;
    const { limit: runningLimit, maxRunning, perSecond } = saturation;
    const waitMs = expectedMs(saturation);
    if (perSecond === undefined || waitMs === undefined || waitMs <= maxWaitMs) return undefined;
    if (this.now() < this.#catchUpEndMs) return undefined;
    const kind = "wait-too-long";
    return { kind, runningLimit, maxRunning, perSecond, expectedMs: waitMs, maxWaitMs };
  }

  #enqueue(slot: RequestedSlot): RequestedSlot {
    slot.queuedMs = this.now();
    this.#queue.add(slot);
    this.#grantQueued();
    return slot;
  }

  /** Runs the first queued nested invocation that may run in the slot of its caller, unless another one runs there. */
  #lend(caller: RequestedSlot): void {
    const { isGranted, permit, borrower } = caller;
    if (!isGranted || permit === undefined || borrower !== undefined) return;
    for (const nested of caller.queuedNested) {
      if (!this.#mayBorrow(nested)) continue;
      this.#queue.delete(nested);
      caller.borrower = nested;
      this.#grant(nested, permit);
      return;
    }
  }

  /** After the end of an invocation of the function: its nested invocations may no longer have to wait for its own limit. */
  #lendFor(functionId: string): void {
    if (this.#queue.size === 0) return;
    for (const nested of this.#queue.nestedOf(functionId)) {
      if (!this.#mayBorrow(nested)) return;
      if (nested.caller !== undefined) this.#lend(nested.caller);
    }
  }

  #mayBorrow(nested: RequestedSlot): boolean {
    return !this.#usage.isAtOwnLimit(nested) || this.#usage.areBlocked(nested.functionId);
  }

  /** @param permit that of its caller, or a new one */
  #grant(
    slot: RequestedSlot,
    permit: Permit = { functionId: slot.functionId, holders: 0 },
  ): RequestedSlot {
    slot.grant(permit);
    slot.caller?.queuedNested.delete(slot);
    if (slot.mode === "async") slot.asyncSlot = this.#async.take();
    this.#usage.add(slot, permit);
    return slot;
  }

  #grantQueued(): void {
    while (this.#queue.size > 0 && !this.#usage.isFull && this.outage.error === undefined) {
      const mayRunAsync = this.#queue.asyncSize > 0 && this.#async.free > 0;
      const slot = this.#queue.next(this.#mayRun, mayRunAsync);
      if (slot === undefined) return;
      this.#grant(slot);
    }
  }
}

/** The wait for the grants of a limit; undefined without a measurement. */
function expectedMs({ perSecond, grants }: Saturation): number | undefined {
  return perSecond === undefined ? undefined : 1000 * grants / perSecond;
}
