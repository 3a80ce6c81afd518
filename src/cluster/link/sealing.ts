/** Seals jobs and keys to one worker: HPKE (RFC 9180) with X25519, HKDF-SHA256 and AES-256-GCM. */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";

/** Length of a public key, and of the encapsulated key before a sealed text. */
const KEY_BYTES = 32;

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
  | { readonly kind: "scripts"; readonly worker: string };

/** The seal does not open: it is for another key or context, or was changed. */
export class SealBroken extends Error {
  override name = "SealBroken";
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

/** Seals bytes. @param publicKey of the worker, in base64 */
export async function seal(
  publicKey: string,
  context: SealContext,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array> {
  const hpke = suite();
  const recipientPublicKey = await hpke.kem.deserializePublicKey(Uint8Array.fromBase64(publicKey));
  const { enc, ct } = await hpke.seal({ recipientPublicKey, info: infoOf(context) }, bytes);
  const sealed = new Uint8Array(enc.byteLength + ct.byteLength);
  sealed.set(new Uint8Array(enc));
  sealed.set(new Uint8Array(ct), enc.byteLength);
  return sealed;
}

/** The key of a worker. It lives in memory alone, as long as the process. */
export class SealKey {
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
    try {
      const text = await suite().open({
        recipientKey: this.pair,
        enc: sealed.slice(0, KEY_BYTES),
        info: infoOf(context),
      }, sealed.slice(KEY_BYTES));
      return new Uint8Array(text);
    } catch {
      throw new SealBroken(
        context.kind === "job"
          ? `the sealed job of session ${context.session} does not open`
          : "a sealed list of scripts does not open",
      );
    }
  }
}

/** Ids have no line breaks. */
function infoOf(context: SealContext): Uint8Array<ArrayBuffer> {
  const { kind, worker } = context;
  const names = kind === "job" ? [worker, context.node, context.session] : [worker];
  return new TextEncoder().encode([`invoked.v1 ${kind}`, ...names].join("\n"));
}
