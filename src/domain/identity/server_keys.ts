import { randomBytes } from "node:crypto";
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import type { Sealer } from "../../store/sealing.ts";
import type { Store } from "../../store/mod.ts";
import type { Ids } from "../ids.ts";

const HMAC_KEY_BYTES = 32;

/** The Ed25519 pair that signs access tokens. */
export interface SigningKey {
  readonly id: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

/** The server's own keys, made at its first start and kept under the master key. */
export class ServerKeys {
  constructor(
    private readonly store: Store,
    private readonly sealer: Sealer,
    private readonly ids: Ids,
  ) {}

  async signingKey(): Promise<SigningKey> {
    const { id, value } = await this.#loadOrMake("access-token", async () => {
      const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
      return new TextEncoder().encode(JSON.stringify(await exportJWK(privateKey)));
    });
    const jwk = JSON.parse(new TextDecoder().decode(value)) as JWK;
    const { d: _private, ...publicJwk } = jwk;
    return { id, privateKey: await importKey(jwk), publicKey: await importKey(publicJwk) };
  }

  /** A random key for {@link SignedTokens}. */
  async hmacKey(purpose: "upload-url" | "page-token"): Promise<Uint8Array> {
    const { value } = await this.#loadOrMake(
      purpose,
      () => Promise.resolve(Uint8Array.from(randomBytes(HMAC_KEY_BYTES))),
    );
    return value;
  }

  async #loadOrMake(purpose: string, make: () => Promise<Uint8Array>) {
    const [newest] = await this.store.read.identity.keys(purpose);
    if (newest !== undefined) {
      return { id: newest.id, value: this.sealer.open(newest.sealed, serverKeyContext(newest)) };
    }
    const id = this.ids.next();
    const value = await make();
    const sealed = this.sealer.seal(value, serverKeyContext({ id, purpose }));
    const createdAt = new Date().toISOString();
    await this.store.write((tx) => tx.identity.insertKey({ id, purpose, sealed, createdAt }));
    return { id, value };
  }
}

/** The context that a sealed key of the server is bound to. */
export function serverKeyContext(key: { id: string; purpose: string }): string {
  return `server-key:${key.purpose}:${key.id}`;
}

async function importKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, "EdDSA");
  if (key instanceof Uint8Array) {
    throw new TypeError("Cannot import the signing key: it is symmetric");
  }
  return key;
}
