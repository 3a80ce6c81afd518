/** Slots from their request to their release, and the order in which requests that wait are granted. */
import type { AdmissionRequest, Overdue, Slot } from "../contract.ts";

/** A request that waits for a slot, as far as its order goes. */
interface QueuedRequest {
  readonly functionId: string;
  readonly inputBytes: number;
  /** `sync` has a caller that waits. */
  readonly mode: "sync" | "async";
  /** Made by a running invocation: it counts against no limit of the queue. */
  readonly nested: boolean;
}

/** Queued invocations from outside, and the bytes of their inputs. */
export interface Backlog {
  readonly invocations: number;
  readonly bytes: number;
}

/** One grant in this many goes to an asynchronous invocation while both kinds wait. */
const ASYNC_GRANT_EVERY = 8;

/** Whether the function of a request may run one more invocation. */
type MayRun<R> = (request: R) => boolean;

/**
 * Requests in the order of their grants. There are two priority classes: synchronous invocations go first, and one
 * grant in {@link ASYNC_GRANT_EVERY} goes to an asynchronous invocation. In a class each function has a flow, and the
 * flows take turns, so that a long flow delays no other. A flow is first in, first out.
 */
export class FairQueue<R extends QueuedRequest> {
  readonly #classes = { sync: new PriorityClass<R>(), async: new PriorityClass<R>() };
  /** Grants of synchronous invocations since an asynchronous one waits. */
  #grantsBeforeAsync = 0;
  /** Requests of both classes; the queue alone changes it. */
  size = 0;

  /** Asynchronous requests. */
  get asyncSize(): number {
    return this.#classes.async.size;
  }

  /** Requests of both classes; no function has 0. */
  sizeByFunction(): Map<string, number> {
    const sizes = new Map<string, number>();
    for (const each of Object.values(this.#classes)) {
      for (const [id, size] of each.sizes()) sizes.set(id, (sizes.get(id) ?? 0) + size);
    }
    return sizes;
  }

  add(request: R): void {
    // Invocations that came while the queue was empty were granted without it.
    if (this.size++ === 0) this.#grantsBeforeAsync = 0;
    this.#classes[request.mode].add(request);
  }

  /** Takes out a request; no effect on one that is not in the queue. */
  delete(request: R): void {
    if (this.#classes[request.mode].delete(request)) this.size--;
  }

  /**
   * Takes out the next request of a function that may run one more.
   * @param mayRunAsync whether an asynchronous invocation may run
   */
  next(mayRun: MayRun<R>, mayRunAsync = true): R | undefined {
    const { sync, async } = this.#classes;
    const isAsyncDue = this.#grantsBeforeAsync >= ASYNC_GRANT_EVERY - 1;
    for (const each of isAsyncDue ? [async, sync] : [sync, async]) {
      const request = each === async && !mayRunAsync ? undefined : each.next(mayRun);
      if (request === undefined) continue;
      this.size--;
      const delaysAsync = each === sync && async.size > 0;
      this.#grantsBeforeAsync = delaysAsync ? this.#grantsBeforeAsync + 1 : 0;
      return request;
    }
    return undefined;
  }

  /** The nested requests of a function. */
  nestedOf(functionId: string): readonly R[] {
    const { sync, async } = this.#classes;
    return [...sync.of(functionId), ...async.of(functionId)].filter(({ nested }) => nested);
  }

  /**
   * What counts against the limits of the queue for an invocation from outside; asynchronous invocations do not count
   * for a synchronous one.
   */
  backlog(mode: "sync" | "async"): Backlog {
    const { sync, async } = this.#classes;
    if (mode === "sync") return sync.backlog;
    return {
      invocations: sync.backlog.invocations + async.backlog.invocations,
      bytes: sync.backlog.bytes + async.backlog.bytes,
    };
  }

  /**
   * Grants, of all functions, up to and including that of a synchronous invocation of this function.
   * @param ahead invocations before it in its flow; the whole flow for an invocation that arrives now
   */
  grantsUntil(functionId: string, ahead = this.#classes.sync.lengthOf(functionId)): number {
    const { sync, async } = this.#classes;
    return withAsyncShare(sync.grantsUntil(functionId, ahead), async.size);
  }

  /** The same, counting the grants of this function alone. */
  grantsWithin(functionId: string, ahead = this.#classes.sync.lengthOf(functionId)): number {
    return withAsyncShare(ahead + 1, this.#classes.async.lengthOf(functionId));
  }

  /** Synchronous invocations from outside, each with the number of invocations before it in its flow. */
  *syncFromOutside(): Generator<readonly [request: R, ahead: number]> {
    for (const flow of this.#classes.sync.flows()) {
      let ahead = 0;
      for (const request of flow) {
        if (!request.nested) yield [request, ahead++];
      }
    }
  }
}

function withAsyncShare(grants: number, asyncQueued: number): number {
  return asyncQueued === 0 ? grants : grants * ASYNC_GRANT_EVERY / (ASYNC_GRANT_EVERY - 1);
}

/** The requests of one priority class, in a flow for each function. */
class PriorityClass<R extends QueuedRequest> {
  /** In the order of the next grants: a flow that was served goes to the end. No flow is empty. */
  readonly #flows = new Map<string, Set<R>>();
  /** Invocations from outside by function; nested ones may use the slots of their callers. */
  readonly #outside = new Map<string, number>();
  size = 0;
  /** The backlog of invocations from outside. */
  backlog: Backlog = { invocations: 0, bytes: 0 };

  /** Invocations of this function from outside. */
  lengthOf(functionId: string): number {
    return this.#outside.get(functionId) ?? 0;
  }

  add(request: R): void {
    const flow = this.#flows.get(request.functionId);
    if (flow === undefined) this.#flows.set(request.functionId, new Set([request]));
    else flow.add(request);
    this.#count(request, 1);
  }

  /** Whether it was among them. */
  delete(request: R): boolean {
    const flow = this.#flows.get(request.functionId);
    if (flow === undefined || !flow.delete(request)) return false;
    this.#count(request, -1);
    if (flow.size === 0) this.#flows.delete(request.functionId);
    return true;
  }

  /** The number of requests of each function. */
  *sizes(): Generator<readonly [functionId: string, size: number]> {
    for (const [functionId, flow] of this.#flows) yield [functionId, flow.size];
  }

  /** The requests of each function in order; a copy, so that some may be deleted meanwhile. */
  flows(): readonly (readonly R[])[] {
    return Array.from(this.#flows.values(), (flow) => [...flow]);
  }

  /** The requests of a function in order. */
  of(functionId: string): Iterable<R> {
    return this.#flows.get(functionId) ?? [];
  }

  next(mayRun: MayRun<R>): R | undefined {
    for (const [functionId, flow] of this.#flows) {
      const [first] = flow;
      if (first === undefined || !mayRun(first)) continue;
      this.delete(first);
      if (this.#flows.delete(functionId)) this.#flows.set(functionId, flow);
      return first;
    }
    return undefined;
  }

  /** While a function is granted its slots, no other function is granted more. */
  grantsUntil(functionId: string, ahead: number): number {
    const own = ahead + 1;
    let grants = own;
    for (const [other, invocations] of this.#outside) {
      if (other !== functionId) grants += Math.min(invocations, own);
    }
    return grants;
  }

  #count({ functionId, nested, inputBytes }: R, change: 1 | -1): void {
    this.size += change;
    if (nested) return;
    const outside = this.lengthOf(functionId) + change;
    if (outside === 0) this.#outside.delete(functionId);
    else this.#outside.set(functionId, outside);
    const { invocations, bytes } = this.backlog;
    this.backlog = { invocations: invocations + change, bytes: bytes + change * inputBytes };
  }
}

/** One of the slots that are counted for a function, held by an invocation and the nested invocations that borrow it. */
export interface Permit {
  readonly functionId: string;
  holders: number;
}

/** Who takes requests and releases of slots. */
interface SlotOwner {
  readonly limits: { readonly maxRunningPerFunction: number };
  acquireNested(request: AdmissionRequest, caller: RequestedSlot): Slot;
  release(slot: RequestedSlot): void;
}

/** A slot of one invocation: requested, granted, released. Only the limiter changes the state, and never back. */
export class RequestedSlot implements Slot, QueuedRequest {
  readonly #granted = Promise.withResolvers<void>();
  readonly granted = this.#granted.promise;
  readonly functionId: string;
  readonly inputBytes: number;
  readonly mode: "sync" | "async";
  /** Invocations of its function that may run at the same time; undefined if only the limits of the server count. */
  readonly maxConcurrency: number | undefined;
  readonly nested: boolean;
  /** Since when it is queued, on the clock of the limiter. */
  queuedMs = 0;
  onOverdue: ((overdue: Overdue) => void) | undefined;
  isGranted = false;
  /** Undefined until it is granted. */
  permit: Permit | undefined;
  /** Present for a granted asynchronous invocation. */
  asyncSlot: Disposable | undefined;
  /** The nested invocation that runs in this slot; further nested invocations wait for it. */
  borrower: RequestedSlot | undefined;
  /** Queued nested invocations in order of arrival. */
  readonly queuedNested = new Set<RequestedSlot>();
  /** Nested invocations that run, in this slot or in others. */
  readonly runningNested = new Set<RequestedSlot>();

  constructor(
    private readonly owner: SlotOwner,
    { functionId, inputBytes, mode, maxConcurrency = Infinity }: AdmissionRequest,
    /** The slot of the invocation that waits for this one. */
    readonly caller?: RequestedSlot,
  ) {
    this.functionId = functionId;
    this.inputBytes = inputBytes;
    this.mode = mode;
    this.maxConcurrency = maxConcurrency < owner.limits.maxRunningPerFunction
      ? maxConcurrency
      : undefined;
    this.nested = caller !== undefined;
  }

  grant(permit: Permit): void {
    this.permit = permit;
    this.isGranted = true;
    this.#granted.resolve();
  }

  nest(request: AdmissionRequest): Slot {
    return this.owner.acquireNested(request, this);
  }

  [Symbol.dispose](): void {
    this.owner.release(this);
  }
}
