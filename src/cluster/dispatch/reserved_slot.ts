import type { Reservation } from "../../engine/worker_slots.ts";
import type { OwnerSession, Rejection } from "./owner_session.ts";

/** A slot that a worker was asked for ahead of its job. */
export class ReservedSlot implements Reservation {
  /** As {@link OwnerSession.offered}. */
  readonly answered: Promise<Rejection | undefined>;
  #isTaken = false;
  #isGivenBack = false;

  /**
   * @param publicKey of the worker, as its heartbeat has it
   * @param release gives the slot back
   * @param onRejected learns of a rejection, also if no job uses the slot
   */
  constructor(
    readonly session: OwnerSession,
    readonly publicKey: string,
    private readonly release: () => void,
    private readonly onRejected: (rejection: Rejection) => void,
  ) {
    this.answered = this.#ask();
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
    if (!this.take() || this.session.hasEnded) return;
    this.#isGivenBack = true;
    this.release();
  }

  async #ask(): Promise<Rejection | undefined> {
    const rejection = await this.session.offered();
    // The end of the session by this node looks like silence.
    if (rejection !== undefined && !this.#isGivenBack) this.onRejected(rejection);
    return rejection;
  }
}
