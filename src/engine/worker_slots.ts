/** The slots of workers: an asynchronous invocation is claimed with a slot, a synchronous one reserves a slot. */
import type { MemoryLimit, MemoryMaximum } from "../sandbox/contract.ts";

/**
 * A worker took an offer and holds a free slot for one asynchronous invocation. A `RunRequest` with the claim
 * runs there.
 */
export interface Claim {
  /** Id of the worker. */
  readonly worker: string;
  /** Invocations with more memory do not run there. */
  readonly maximum: MemoryMaximum;
}

/**
 * A slot that a worker is asked for while the invocation is being recorded, with the worker in its row. A
 * `RunRequest` with the reservation runs there if the worker accepts, and elsewhere if not. Disposing a reservation
 * that no run has used gives the slot back.
 */
export interface Reservation extends Disposable {
  /** Id of the worker. */
  readonly worker: string;
}

/** A slot of a worker for one run: the worker came with it, or is asked for it. */
export type WorkerSlot = Claim | Reservation;

/** What becomes of a claim. */
export type ClaimAnswer =
  /**
   * An invocation is recorded as RUNNING, and the run with the claim began. `ended` settles when the end of the attempt
   * is recorded.
   */
  | { readonly kind: "claimed"; readonly ended: Promise<void> }
  /** No invocation waits. */
  | { readonly kind: "gone" }
  /** No invocation may start now: a function reached its limit, or the server stops. */
  | { readonly kind: "later" };

/**
 * Decides which invocation a claim starts: in one transaction the invocation becomes RUNNING and gets owner, worker and
 * attempt.
 */
export type ClaimHandler = (claim: Claim) => Promise<ClaimAnswer>;

/** Hands asynchronous invocations to the processes that claim them. */
export interface InvocationQueue {
  /** The largest memory that any process accepts now: an offer of an invocation with more memory reaches nobody. */
  readonly maximum: MemoryMaximum;
  /**
   * Notifies a process with a free slot that an invocation waits, whose row is PENDING and durable. An offer may be lost:
   * the caller repeats the offer while the invocation waits. Never rejects.
   * @param needs the memory of the invocation
   */
  offer(needs: MemoryLimit): Promise<void>;
  /** Passes claims to the handler until the queue closes, while it {@link accepts} claims. */
  serve(onClaim: ClaimHandler): void;
  /** Whether claims come to this node from now on. Each claim reaches one of the nodes that accept claims. */
  accepts(claims: boolean): void;
}
