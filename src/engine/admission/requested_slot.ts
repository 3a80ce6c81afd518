import type { AdmissionRequest, Overdue, Slot } from "../contract.ts";
import type { QueuedRequest } from "./fair_queue.ts";

/** One of the slots that are counted for a function, held by a call and the nested calls that borrow it. */
export interface Permit {
  readonly functionId: string;
  holders: number;
}

/** The request without a limit of its own that is not below the one of each function. */
export function withOwnLimit(
  { maxConcurrency, ...request }: AdmissionRequest,
  maxRunningPerFunction: number,
): AdmissionRequest {
  const isOwn = maxConcurrency !== undefined && maxConcurrency < maxRunningPerFunction;
  return isOwn ? { ...request, maxConcurrency } : request;
}

/** Who takes requests and releases of slots. */
interface SlotOwner {
  acquireNested(request: AdmissionRequest, caller: RequestedSlot): Slot;
  release(slot: RequestedSlot): void;
}

/** A slot of one call. States: `queued`, `granted`, `released`; the limiter alone changes them, and never back. */
export class RequestedSlot implements Slot, QueuedRequest {
  readonly #owner: SlotOwner;
  readonly #granted = Promise.withResolvers<void>();
  readonly functionId: string;
  readonly inputBytes: number;
  readonly mode: "sync" | "async";
  /** Calls of its function that may run at the same time; undefined if only the limits of the server count. */
  readonly maxConcurrency: number | undefined;
  /** The slot of the call that waits for this one. */
  readonly caller: RequestedSlot | undefined;
  readonly nested: boolean;
  /** When it was requested, on the clock of the limiter. */
  readonly requestedMs: number;
  onOverdue: ((overdue: Overdue) => void) | undefined;
  state: "queued" | "granted" | "released" = "queued";
  permit: Permit | undefined;
  /** Of an asynchronous call that is granted. */
  asyncSlot: Disposable | undefined;
  /** The nested call that runs in this slot; further ones wait for it. */
  borrower: RequestedSlot | undefined;
  /** Queued nested calls in order of arrival. */
  readonly queuedNested = new Set<RequestedSlot>();
  /** Nested calls that run, in this slot or in others. */
  readonly runningNested = new Set<RequestedSlot>();

  constructor(
    owner: SlotOwner,
    { functionId, inputBytes, mode, maxConcurrency }: AdmissionRequest,
    caller: RequestedSlot | undefined,
    requestedMs: number,
  ) {
    this.#owner = owner;
    this.functionId = functionId;
    this.inputBytes = inputBytes;
    this.mode = mode;
    this.maxConcurrency = maxConcurrency;
    this.caller = caller;
    this.nested = caller !== undefined;
    this.requestedMs = requestedMs;
    caller?.queuedNested.add(this);
  }

  get granted(): Promise<void> {
    return this.#granted.promise;
  }

  get isGranted(): boolean {
    return this.state === "granted";
  }

  grant(permit: Permit): void {
    this.caller?.queuedNested.delete(this);
    permit.holders++;
    this.permit = permit;
    this.state = "granted";
    this.#granted.resolve();
  }

  nest(request: AdmissionRequest): Slot {
    return this.#owner.acquireNested(request, this);
  }

  [Symbol.dispose](): void {
    this.#owner.release(this);
  }
}
