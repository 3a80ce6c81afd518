/**
 * Seals jobs and keys to one worker: HPKE (RFC 9180) with X25519, HKDF-SHA256 and AES-256-GCM.
 *
 * An API node and a worker make one exchange, and export a secret of it (section 5.3). Each sealed text has a key of its
 * own, derived from that secret, a random salt and what it is for. So a text costs no exchange, and whoever has the
 * worker's private key, which lives as long as the worker, could open no more than with an exchange for each text.
 *
 * A sealed text: the encapsulated key of the exchange, the salt, the ciphertext, the tag.
 */
import { concatenate } from "../../shared/json_text.ts";
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { LRUCache } from "lru-cache";
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { entriesUpTo } from "../../shared/entries.ts";

/** Length of a public key, of an encapsulated key, of a secret and of the key of a text. */
const KEY_BYTES = 32;
const SALT_BYTES = 32;
const TAG_BYTES = 16;
const ALGORITHM = "aes-256-gcm";
/** A key seals one text. */
const NONCE = new Uint8Array(12);
const EXCHANGE_INFO = new TextEncoder().encode("invoked.v1");
/** After this time an API node makes another exchange with a worker. */
const EXCHANGE_MAX_AGE_MS = 10 * 60_000;
/** Exchanges that are kept; a dropped exchange is made, or derived, again. */
const EXCHANGES_MAX = 10_000;

/** What is sealed, and for what; a seal opens for the same alone. */
export type SealContext =
  | {
    readonly kind: "job";
    /** Id of the worker. */
    readonly worker: string;
    /** Id of the API node. */
    readonly node: string;
    readonly session: string;
  }
  /** The scripts that a worker keeps ready. */
  | { readonly kind: "scripts"; readonly worker: string }
  /** The script that a worker loads for a report. */
  | { readonly kind: "load"; readonly worker: string };

/** The seal does not open: it is for another key or context, or was changed. */
export class SealBroken extends Error {
  override name = "SealBroken";
}

interface Exchange {
  readonly encapsulated: Uint8Array;
  readonly secret: Uint8Array;
}

function suite(): CipherSuite {
  return new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Aes256Gcm(),
  });
}

/** Whether a text is the base64 form of a public key. */
export function isPublicKey(base64: string): boolean {
  try {
    return Uint8Array.fromBase64(base64).length === KEY_BYTES;
  } catch {
    return false;
  }
}

/** Seals for workers, with an exchange for each. */
export class Seals {
  readonly #exchanges = new LRUCache<string, Promise<Exchange>>({
    ...entriesUpTo(EXCHANGES_MAX),
    ttl: EXCHANGE_MAX_AGE_MS,
  });

  /** @param publicKey of the worker, in base64 */
  async seal(publicKey: string, context: SealContext, bytes: Uint8Array): Promise<Uint8Array> {
    const exchange = this.#exchanges.get(publicKey) ?? this.#begin(publicKey);
    const { encapsulated, secret } = await exchange;
    const salt = randomBytes(SALT_BYTES);
    const cipher = createCipheriv(ALGORITHM, keyOf(secret, salt, context), NONCE);
    const sealed = [encapsulated, salt, cipher.update(bytes), cipher.final(), cipher.getAuthTag()];
    return concatenate(sealed);
  }

  #begin(publicKey: string): Promise<Exchange> {
    const exchange = makeExchange(publicKey);
    this.#exchanges.set(publicKey, exchange);
    exchange.catch(() => this.#exchanges.delete(publicKey));
    return exchange;
  }
}

async function makeExchange(publicKey: string): Promise<Exchange> {
  const hpke = suite();
  const recipientPublicKey = await hpke.kem.deserializePublicKey(Uint8Array.fromBase64(publicKey));
  const sender = await hpke.createSenderContext({ recipientPublicKey, info: EXCHANGE_INFO });
  const secret = new Uint8Array(await sender.export(EXCHANGE_INFO, KEY_BYTES));
  return { encapsulated: new Uint8Array(sender.enc), secret };
}

/** The key of a worker. It lives in memory alone, as long as the process. */
export class SealKey {
  /** Secrets by the encapsulated keys of their exchanges, in base64. */
  readonly #secrets = new LRUCache<string, Promise<Uint8Array>>(entriesUpTo(EXCHANGES_MAX));

  private constructor(
    private readonly pair: CryptoKeyPair,
    /** In base64. */
    readonly publicKey: string,
  ) {}

  static async create(): Promise<SealKey> {
    const { kem } = suite();
    const pair = await kem.generateKeyPair();
    const publicKey = new Uint8Array(await kem.serializePublicKey(pair.publicKey));
    return new SealKey(pair, publicKey.toBase64());
  }

  /** @throws SealBroken */
  async open(context: SealContext, sealed: Uint8Array): Promise<Uint8Array> {
    const saltAt = KEY_BYTES;
    const textAt = saltAt + SALT_BYTES;
    const tagAt = sealed.length - TAG_BYTES;
    try {
      const secret = await this.#secretOf(sealed.slice(0, saltAt));
      const key = keyOf(secret, sealed.subarray(saltAt, textAt), context);
      const decipher = createDecipheriv(ALGORITHM, key, NONCE).setAuthTag(sealed.subarray(tagAt));
      return concatenate([decipher.update(sealed.subarray(textAt, tagAt)), decipher.final()]);
    } catch {
      throw new SealBroken(`${nameOf(context)} does not open`);
    }
  }

  #secretOf(encapsulated: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const name = encapsulated.toBase64();
    const known = this.#secrets.get(name);
    if (known !== undefined) return known;
    const secret = this.#derive(encapsulated);
    this.#secrets.set(name, secret);
    secret.catch(() => this.#secrets.delete(name));
    return secret;
  }

  async #derive(enc: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const recipient = await suite().createRecipientContext({
      recipientKey: this.pair,
      enc,
      info: EXCHANGE_INFO,
    });
    return new Uint8Array(await recipient.export(EXCHANGE_INFO, KEY_BYTES));
  }
}

function nameOf(context: SealContext): string {
  switch (context.kind) {
    case "job":
      return `the sealed job of session ${context.session}`;
    case "scripts":
      return "a sealed list of scripts";
    case "load":
      return "a sealed request for a report";
  }
}

/** The key of one text. Ids in the context have no line breaks. */
function keyOf(secret: Uint8Array, salt: Uint8Array, context: SealContext): Uint8Array {
  const { kind, worker } = context;
  const names = kind === "job" ? [worker, context.node, context.session] : [worker];
  const info = [`invoked.v1 ${kind}`, ...names].join("\n");
  return new Uint8Array(hkdfSync("sha256", secret, salt, info, KEY_BYTES));
}
