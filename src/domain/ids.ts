import { ksuidAt } from "../shared/ksuids.ts";

/**
 * Makes KSUIDs: 27 base62 characters, a time in seconds and 128 bits. Ids of one process sort in the order of
 * creation even within a second: the payload counts up by a random step, so that lists are newest first and no
 * id can be guessed from another.
 */
export class Ids {
  #second = 0;
  #payload = 0n;

  next(): string {
    return this.nextWithTime().id;
  }

  /** An id and a time in the same second: now, or later after the clock was set back. */
  nextWithTime(): { readonly id: string; readonly time: Date } {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    // Ids do not follow a clock that was set back.
    if (second > this.#second) {
      this.#second = second;
      // The top bit stays free, so that counting up cannot overflow within a second.
      this.#payload = randomWord() << 63n | randomWord() >> 1n;
    } else {
      this.#payload += 1n + randomWord();
    }
    const id = ksuidAt(this.#second, this.#payload);
    return { id, time: new Date(Math.max(now, this.#second * 1000)) };
  }
}

/** 64 random bits. */
function randomWord(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0] as bigint;
}
