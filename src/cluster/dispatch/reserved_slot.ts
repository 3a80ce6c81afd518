import type { Reservation } from "../../engine/worker_slots.ts";
import type { OwnerSession, Rejection } from "./owner_session.ts";

/** A slot that a worker was asked for ahead of its job. */
export class ReservedSlot implements Reservation {
  /** As {@link OwnerSession.offered}. */
  readonly answered: Promise<Rejection | undefined>;
  #isTaken = false;

  /**
   * @param publicKey of the worker, as its heartbeat has it
   * @param release gives the slot back
   */
  constructor(
    readonly session: OwnerSession,
    readonly publicKey: string,
    private readonly release: () => void,
  ) {
    this.answered = session.offered();
  }

  get worker(): string {
    return this.session.worker;
  }

  /** Takes the slot for a job; false if it was taken or given back before. */
  take(): boolean {
    const isFirst = !this.#isTaken;
    this.#isTaken = true;
    return isFirst;
  }

  [Symbol.dispose](): void {
    // A worker that rejected the offer has no slot to give back.
    if (this.take() && !this.session.hasEnded) this.release();
  }
}
