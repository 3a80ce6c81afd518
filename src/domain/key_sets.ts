/** Public keys of others, that the server reads from their hosts: of senders of webhooks, and of issuers of tokens. */
import { createLocalJWKSet, errors, type JSONWebKeySet } from "jose";
import { LRUCache } from "lru-cache";
import type { PublicGet } from "../sandbox/mod.ts";

const KEY_SETS_MAX = 1_000;
const DOCUMENT_BYTES_MAX = 64 * 1024;
/** How long a key set is kept. */
const KEPT_MS = 10 * 60 * 1000;
/** A key set, or that it cannot be read, holds at least so long, whoever asks. */
const KEPT_MIN_MS = 30 * 1000;

/** Where a key set is: at a URL, or where the discovery document of an OpenID Connect issuer says. */
type KeySource =
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "issuer"; readonly issuer: string };

interface Kept {
  readonly keySet: Promise<JSONWebKeySet>;
  readonly readAt: number;
}

/** A key set cannot be read; the message says why. */
export class KeySetError extends Error {
  override name = "KeySetError";
}

/** Reads key sets, and keeps them for a time. Requests at the same time share one read. */
export class KeySets {
  readonly #kept = new LRUCache<string, Kept>({ max: KEY_SETS_MAX });

  constructor(private readonly get: PublicGet) {}

  /** @param isFresh whether a kept one has no key for the sender @throws KeySetError */
  async read(source: KeySource, isFresh: boolean): Promise<JSONWebKeySet> {
    const name = JSON.stringify(source);
    const kept = this.#kept.get(name);
    const age = kept === undefined ? Infinity : performance.now() - kept.readAt;
    if (kept !== undefined && age < (isFresh ? KEPT_MIN_MS : KEPT_MS)) {
      try {
        return await kept.keySet;
      } catch (error) {
        if (age < KEPT_MIN_MS) throw error;
      }
    }
    const keySet = this.#readSource(source);
    keySet.catch(() => {});
    this.#kept.set(name, { keySet, readAt: performance.now() });
    return await keySet;
  }

  async #readSource(source: KeySource): Promise<JSONWebKeySet> {
    const url = source.kind === "url" ? source.url : await this.#keysOf(source.issuer);
    return await this.#document(`the key set ${url}`, url, (json) => {
      const keySet = json as JSONWebKeySet;
      createLocalJWKSet(keySet);
      return keySet;
    });
  }

  /** The `jwks_uri` of an issuer (OpenID Connect Discovery 1.0, section 4). */
  async #keysOf(issuer: string): Promise<string> {
    const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    return await this.#document(`the discovery document ${url}`, url, (json) => {
      const { issuer: named, jwks_uri: keys } = json as Readonly<Record<string, unknown>>;
      // Otherwise a host that serves several issuers could name the keys of another one.
      if (named !== issuer) throw new Error(`its issuer is ${JSON.stringify(named)}`);
      if (typeof keys !== "string" || !URL.canParse(keys)) {
        throw new Error("its jwks_uri is no URL");
      }
      return keys;
    });
  }

  async #document<Value>(
    what: string,
    url: string,
    read: (json: unknown) => Value,
  ): Promise<Value> {
    try {
      const bytes = await this.get(new URL(url), DOCUMENT_BYTES_MAX);
      return read(JSON.parse(new TextDecoder().decode(bytes)));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new KeySetError(`${what} cannot be read: ${reason}`);
    }
  }
}

/** What a token ends with that was signed by a key that is not kept yet. */
const NEW_KEYS = [errors.JWKSNoMatchingKey, errors.JWSSignatureVerificationFailed];

/** Finds the key of a token by its header. */
type KeyOfToken = (
  ...token: Parameters<ReturnType<typeof createLocalJWKSet>>
) => ReturnType<ReturnType<typeof createLocalJWKSet>>;

/**
 * What a token says that a key of a set has signed.
 * @param verify verifies the token, with asymmetric algorithms alone, so that nobody signs with a public key as a secret
 * @param keySet reads the key set; `isFresh` asks for one that was not kept
 * @throws JOSEError for a token that is not valid
 */
export async function verifyByKeySet<Verified>(
  verify: (key: KeyOfToken) => Promise<Verified>,
  keySet: (isFresh: boolean) => Promise<JSONWebKeySet>,
): Promise<Verified> {
  const check = async (isFresh: boolean) => {
    const keys = createLocalJWKSet(await keySet(isFresh));
    try {
      return await verify(keys);
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      return await checkEach(error);
    }
  };
  /** The token does not say which of the keys has signed it, as while they are rotated. */
  const checkEach = async (keys: errors.JWKSMultipleMatchingKeys): Promise<Verified> => {
    for await (const key of keys) {
      try {
        return await verify(() => Promise.resolve(key));
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  };
  try {
    return await check(false);
  } catch (error) {
    // The signer may have new keys, also under the name of an old one.
    if (NEW_KEYS.some((type) => error instanceof type)) return await check(true);
    throw error;
  }
}
