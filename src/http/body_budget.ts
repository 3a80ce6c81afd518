import { formatBytes, formatDuration } from "../config/mod.ts";
import { DomainError } from "../domain/errors.ts";
import { ByteBudget } from "../shared/byte_budget.ts";

/** How long a body waits for others to be received before its request is rejected. */
const WAIT_MS = 5_000;
const RETRY_AFTER_SECONDS = 1;

/**
 * The memory for bodies that are being received, in bytes. A body takes its whole size before it is read: with parts,
 * bodies could wait for each other. Before that its bytes stay with the client.
 */
export class BodyBudget {
  readonly #budget: ByteBudget;
  readonly #waitMs: number;

  constructor(limitBytes: number, waitMs: number = WAIT_MS) {
    this.#budget = new ByteBudget(limitBytes);
    this.#waitMs = waitMs;
  }

  /**
   * Takes bytes, after those who asked earlier; gives them back when disposed.
   * @param bytes at most the limit
   * @throws RECEIVING_TOO_MUCH
   */
  async take(bytes: number): Promise<Disposable> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), this.#waitMs);
    const taken = await this.#budget.take(bytes, late.signal);
    clearTimeout(timer);
    if (taken === undefined) throw this.#tooMuch();
    return taken;
  }

  #tooMuch(): DomainError {
    return new DomainError(
      "RECEIVING_TOO_MUCH",
      `The server is receiving too many large bodies: other requests have used the limit of ${
        formatBytes(this.#budget.limitBytes)
      } (--max-receiving) for ${formatDuration(this.#waitMs)}`,
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  }
}
