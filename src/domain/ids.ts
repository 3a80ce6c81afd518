/** Of KSUIDs: see https://github.com/segmentio/ksuid. */
const EPOCH_SECOND = 1_400_000_000;
const PAYLOAD_BITS = 128n;
const ID_DIGITS = 27;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** Digits that a number holds exactly. */
const DIGITS_PER_STEP = 8;
const STEP = BigInt(ALPHABET.length) ** BigInt(DIGITS_PER_STEP);

const RANDOM_BITS = 64n;
const RANDOM_NUMBERS = 256;

/**
 * Makes KSUIDs: 27 base62 characters, a time in seconds and 128 bits. Ids of one process sort in the order of
 * creation even within a second: the payload counts up by a random step, so that lists are newest first and no
 * id can be guessed from another.
 */
export class Ids {
  readonly #random = new RandomNumbers();
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
      this.#payload = (this.#random.next() << RANDOM_BITS | this.#random.next()) >> 1n;
    } else {
      this.#payload += 1n + this.#random.next();
    }
    const id = encode(this.#second, this.#payload);
    return { id, time: new Date(Math.max(now, this.#second * 1000)) };
  }
}

/** Random numbers of {@link RANDOM_BITS} bits; many come from the system at a time. */
class RandomNumbers {
  readonly #numbers = new BigUint64Array(RANDOM_NUMBERS);
  #used = RANDOM_NUMBERS;

  next(): bigint {
    if (this.#used === RANDOM_NUMBERS) {
      crypto.getRandomValues(this.#numbers);
      this.#used = 0;
    }
    return this.#numbers[this.#used++] ?? 0n;
  }
}

/** A KSUID of these parts. Written here because the package takes a twentieth of the server's time for a call. */
function encode(second: number, payload: bigint): string {
  let rest = BigInt(second - EPOCH_SECOND) << PAYLOAD_BITS | payload;
  let text = "";
  while (text.length < ID_DIGITS) {
    const digits = Math.min(DIGITS_PER_STEP, ID_DIGITS - text.length);
    text = inBase62(Number(rest % STEP), digits) + text;
    rest /= STEP;
  }
  return text;
}

/** A number below 2^53 in so many digits. */
function inBase62(value: number, digits: number): string {
  let text = "";
  for (let at = 0; at < digits; at++) {
    text = ALPHABET.charAt(value % ALPHABET.length) + text;
    value = Math.floor(value / ALPHABET.length);
  }
  return text;
}
