import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";

const ALGORITHM = "aes-256-gcm";
const KEY_ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Length of a master key. */
export const MASTER_KEY_BYTES = 32;

/** Bytes of a sealed value beyond those of the plain one, in the form of early versions: without the id of the key. */
const EARLY_BYTES = NONCE_BYTES + TAG_BYTES;

/** Whether an early version sealed a value of this length. */
export function isSealedEarly(sealed: Uint8Array, plainBytes: number): boolean {
  return sealed.length === plainBytes + EARLY_BYTES;
}

/** Why a sealed value cannot be opened; the message is for the operator. */
export class SealingError extends Error {
  override name = "SealingError";
}

/** The id of a master key, which reveals nothing of the key. */
function keyIdOf(key: Uint8Array): string {
  return createHash("sha256").update("invoked master key\0").update(key).digest()
    .subarray(0, KEY_ID_BYTES).toString("hex");
}

/**
 * Seals values under the master key with AES-256-GCM. A sealed value is bound to its context (such
 * as `secret:<function>:<name>`): moved elsewhere, it does not open.
 * Layout: key id, nonce, tag, ciphertext.
 */
export class Sealer {
  readonly #keys = new Map<string, Uint8Array>();
  readonly #key: Uint8Array;
  /** The id of the key that seals. */
  readonly keyId: string;

  /**
   * @param key seals and opens: {@link MASTER_KEY_BYTES} random bytes
   * @param olderKeys open values that an interrupted rotation has left under them
   */
  constructor(key: Uint8Array, ...olderKeys: readonly Uint8Array[]) {
    for (const each of [key, ...olderKeys]) {
      if (each.length !== MASTER_KEY_BYTES) {
        throw new RangeError(
          `Invalid master key of ${each.length} bytes: its length must be ${MASTER_KEY_BYTES} bytes`,
        );
      }
      this.#keys.set(keyIdOf(each), each);
    }
    this.#key = key;
    this.keyId = keyIdOf(key);
  }

  /** Whether it opens what was sealed under the key of an id. */
  has(keyId: string): boolean {
    return this.#keys.has(keyId);
  }

  /**
   * A key of {@link MASTER_KEY_BYTES} for one purpose alone (HKDF-SHA256, RFC 5869). It does not reveal the master key.
   * @param keyId of the master key; by default the one that seals
   */
  deriveKey(purpose: string, keyId = this.keyId): Uint8Array {
    const key = this.#keys.get(keyId);
    if (key === undefined) throw new RangeError(`No master key has the id ${keyId}`);
    const derived = hkdfSync("sha256", key, "", `invoked ${purpose}`, MASTER_KEY_BYTES);
    return new Uint8Array(derived);
  }

  seal(plain: Uint8Array, context: string): Uint8Array {
    const keyId = Buffer.from(this.keyId, "hex");
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce).setAAD(
      new TextEncoder().encode(context),
    );
    const sealed = [cipher.update(plain), cipher.final()];
    return Uint8Array.from(Buffer.concat([keyId, nonce, cipher.getAuthTag(), ...sealed]));
  }

  /** @throws SealingError if the value was sealed under another key or for another context, or was changed */
  open(sealed: Uint8Array, context: string): Uint8Array {
    const keyId = Buffer.from(sealed.subarray(0, KEY_ID_BYTES)).toString("hex");
    const key = this.#keys.get(keyId);
    if (key === undefined) {
      throw new SealingError(
        `${context} was not decrypted: it was sealed under master key ${keyId}, and the one in use is ${this.keyId}`,
      );
    }
    const rest = sealed.subarray(KEY_ID_BYTES);
    const tag = rest.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
    const ciphertext = rest.subarray(NONCE_BYTES + TAG_BYTES);
    try {
      const decipher = createDecipheriv(ALGORITHM, key, rest.subarray(0, NONCE_BYTES))
        .setAAD(new TextEncoder().encode(context)).setAuthTag(tag);
      return Uint8Array.from(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
    } catch {
      throw new SealingError(
        `${context} was not decrypted: it was changed, or sealed for another context`,
      );
    }
  }
}
