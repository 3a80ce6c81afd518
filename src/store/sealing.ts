import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const ALGORITHM = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Length of a master key. */
export const MASTER_KEY_BYTES = 32;

/**
 * Seals values under the master key with AES-256-GCM. A sealed value is bound to its context (such
 * as `secret:<function>:<name>`): moved elsewhere, it does not open.
 * Layout: nonce, tag, ciphertext.
 */
export class Sealer {
  readonly #key: Uint8Array;

  /** @param key {@link MASTER_KEY_BYTES} random bytes */
  constructor(key: Uint8Array) {
    if (key.length !== MASTER_KEY_BYTES) {
      throw new RangeError(
        `Cannot use a master key of ${key.length} bytes: it must have ${MASTER_KEY_BYTES}`,
      );
    }
    this.#key = key;
  }

  seal(plain: Uint8Array, context: string): Uint8Array {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce).setAAD(
      new TextEncoder().encode(context),
    );
    const sealed = [cipher.update(plain), cipher.final()];
    return Uint8Array.from(Buffer.concat([nonce, cipher.getAuthTag(), ...sealed]));
  }

  /** Throws when the value was sealed under another key or for another context, or was changed. */
  open(sealed: Uint8Array, context: string): Uint8Array {
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
    const decipher = createDecipheriv(ALGORITHM, this.#key, nonce)
      .setAAD(new TextEncoder().encode(context)).setAuthTag(tag);
    const ciphertext = sealed.subarray(NONCE_BYTES + TAG_BYTES);
    try {
      return Uint8Array.from(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
    } catch (cause) {
      throw new Error(
        `Cannot open ${context}: it was sealed under another master key, or was changed`,
        { cause },
      );
    }
  }
}
