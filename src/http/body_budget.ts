import { formatBytes } from "../config/mod.ts";
import { DomainError } from "../domain/errors.ts";

/** How long a body waits for others to be received before its request is rejected. */
const WAIT_MS = 5_000;
const RETRY_AFTER_SECONDS = 1;

interface Waiting {
  readonly bytes: number;
  readonly grant: () => void;
}

/**
 * The memory for bodies that are being received, in bytes. A body takes its whole size before it is read: with parts,
 * bodies could wait for each other. Before that its bytes stay with the client.
 */
export class BodyBudget {
  readonly #limitBytes: number;
  readonly #waitMs: number;
  readonly #waiting = new Set<Waiting>();
  #takenBytes = 0;

  constructor(limitBytes: number, waitMs: number = WAIT_MS) {
    this.#limitBytes = limitBytes;
    this.#waitMs = waitMs;
  }

  /**
   * Takes bytes, after those who asked earlier; gives them back when disposed.
   * @param bytes at most the limit
   * @throws RECEIVING_TOO_MUCH
   */
  async take(bytes: number): Promise<Disposable> {
    if (this.#waiting.size > 0 || !this.#fits(bytes)) await this.#wait(bytes);
    else this.#takenBytes += bytes;
    let isTaken = true;
    return {
      [Symbol.dispose]: () => {
        if (!isTaken) return;
        isTaken = false;
        this.#takenBytes -= bytes;
        this.#grant();
      },
    };
  }

  #fits(bytes: number): boolean {
    return this.#takenBytes + bytes <= this.#limitBytes;
  }

  #wait(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        reject(this.#tooMuch());
        // The one behind may fit.
        this.#grant();
      }, this.#waitMs);
      const waiting: Waiting = {
        bytes,
        grant: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      this.#waiting.add(waiting);
    });
  }

  #grant(): void {
    for (const waiting of this.#waiting) {
      if (!this.#fits(waiting.bytes)) return;
      this.#waiting.delete(waiting);
      this.#takenBytes += waiting.bytes;
      waiting.grant();
    }
  }

  #tooMuch(): DomainError {
    return new DomainError(
      "RECEIVING_TOO_MUCH",
      `Cannot read the body: the bodies of other requests have taken the limit of ${
        formatBytes(this.#limitBytes)
      } (--max-receiving) for ${this.#waitMs / 1000} s`,
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  }
}
