/** Access tokens, and API keys, which need no exchange for an access token. */
import {
  base64url,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from "jose";
import { LRUCache } from "lru-cache";
import { DomainError } from "../errors.ts";
import type { ClientRow, IdentityReader } from "../../store/identity.ts";
import { hasApiKey, isApiKey } from "../../shared/api_keys.ts";
import { entriesUpTo } from "../../shared/entries.ts";
import type { CredentialUses } from "./credential_uses.ts";
import { hashSecret } from "./credentials.ts";
import type { Proof } from "./dpop.ts";
import type { LiveClient, LiveClients } from "./live_clients.ts";
import { clientGone, type Principal } from "./principal.ts";
import { holderOf, rejectedFor } from "./holders.ts";
import { type SigningKeys, TOKEN_LIFETIME_MAX_MS } from "./signing_keys.ts";
import { assertSource } from "./source_networks.ts";

/** Verified tokens in memory. */
const VERIFIED_TOKENS_MAX = 10_000;
const MS_PER_SECOND = 1000;
/** How far ahead of the clock a token may have been issued: the clock may be set back a little. */
const ISSUED_AHEAD_MAX_MS = 60 * MS_PER_SECOND;
/** What every token names as its audience, besides the URL of the server that issued it. */
export const AUDIENCE = "invoked/api";

/** The header of a token. */
const headerOf = (kid: string) => ({ alg: "EdDSA", typ: "at+jwt", kid }) as const;
const KEY_ID_LENGTH = 27;
const ENCODED_HEADER_LENGTH = encodedHeader("0".repeat(KEY_ID_LENGTH)).length;
/** What the encoded headers of all keys begin with, up to the group of bytes in which the key id begins. */
const ENCODED_HEADER_START = commonStart(
  encodedHeader("0".repeat(KEY_ID_LENGTH)),
  encodedHeader("z".repeat(KEY_ID_LENGTH)),
);

/** What a grant allows: the client of the token, and what cuts or extends the token. */
export interface Granted {
  readonly client: LiveClient;
  /** Ids of the roles that cut the token; undefined for a token with all rights of its client. */
  readonly roles?: readonly string[] | undefined;
  /** Claims of the workload's own token, which become the claim `c1wfc`. */
  readonly claims?: Readonly<Record<string, string>> | undefined;
  /** How long the token lives; the server's lifetime by default. */
  readonly lifetimeMs?: number | undefined;
  /** The type of the issued token (RFC 8693, section 2.2.1); undefined for grants whose answer has none. */
  readonly issuedTokenType?: string | undefined;
  /** What else of the request is on record, without secrets. */
  readonly facts?: Readonly<Record<string, unknown>> | undefined;
  /** The proof of the key that the token is bound to (RFC 9449); undefined for a bearer token. */
  readonly proof?: Proof | undefined;
}

/** A new access token. */
interface IssuedToken {
  readonly token: string;
  readonly expiresInSeconds: number;
}

/** What a verified token says. */
interface VerifiedToken {
  readonly clientId: string;
  readonly keyId: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly roles: readonly string[] | undefined;
  readonly claims: Readonly<Record<string, string>> | undefined;
  /** The thumbprint of the key that the token is bound to; undefined for a bearer token. */
  readonly jkt: string | undefined;
}

/**
 * Issues and checks access tokens: EdDSA JWTs (RFC 9068, RFC 8037) that name a client. What the client may do, and whether
 * the key of the token is valid, is looked up at each check, in memory until a client, its principal, one of their roles
 * or a key changes, on whichever node. The signature proves that this server issued a token: its keys sign nothing else
 * and belong to no other server. So `iss`, which is the URL that clients know the server by, is for verifiers elsewhere,
 * and tokens survive a change of this URL.
 */
export class AccessTokens {
  /** Verified tokens, so that a signature is checked once and not at every request. */
  readonly #verified = new LRUCache<string, VerifiedToken>(entriesUpTo(VERIFIED_TOKENS_MAX));

  constructor(
    private readonly keys: Pick<SigningKeys, "exact" | "find" | "hasAny">,
    private readonly identity: Pick<IdentityReader, "client" | "apiKey" | "roles">,
    private readonly liveClients: LiveClients,
    private readonly uses: CredentialUses,
    private readonly options: {
      /** The URL of the server, without a path. */
      readonly issuer: string;
      readonly lifetimeMs: number;
    },
  ) {}

  /** Issues a token that ends with its lifetime or with its client, whichever is first. */
  async issue(
    { client, roles, claims, proof, lifetimeMs = this.options.lifetimeMs }: Granted,
  ): Promise<IssuedToken> {
    const { principal, credentialId, expiresAtMs } = client;
    this.uses.note(credentialId);
    const { issuer } = this.options;
    const { signing } = await this.keys.exact();
    const issuedAt = Math.floor(Date.now() / MS_PER_SECOND);
    const leftMs = Math.min(lifetimeMs, TOKEN_LIFETIME_MAX_MS, expiresAtMs - Date.now());
    const expiresInSeconds = Math.max(1, Math.floor(leftMs / MS_PER_SECOND));
    const payload = {
      client_id: principal.clientId,
      ...roles === undefined ? {} : { roles },
      ...claims === undefined ? {} : { c1wfc: claims },
      ...proof === undefined ? {} : { cnf: { jkt: proof.jkt } },
    };
    const token = await new SignJWT(payload)
      .setProtectedHeader(headerOf(signing.id))
      .setIssuer(issuer).setAudience([issuer, AUDIENCE]).setSubject(principal.id)
      .setJti(crypto.randomUUID())
      .setIssuedAt(issuedAt).setExpirationTime(issuedAt + expiresInSeconds)
      .sign(signing.privateKey);
    return { token, expiresInSeconds };
  }

  /**
   * The principal of an access token or of an API key.
   * @param address of the client that sends it
   * @param prove answers the thumbprint of the key whose proof is beside the token; undefined for a bearer token
   * @throws TOKEN_INVALID, TOKEN_EXPIRED, SOURCE_NOT_ALLOWED, PROOF_MISSING, and what `prove` throws; the error names the
   * holder of a credential that was proved
   */
  async check(
    token: string,
    address: string | undefined,
    prove?: () => Promise<string>,
  ): Promise<Principal> {
    if (isApiKey(token)) {
      const row = await this.identity.apiKey(hashSecret(token));
      const unbound = { jkt: undefined, issuedAtMs: 0 };
      const { principal, credentialId } = await this.#accepted(row, unbound, address, prove);
      this.uses.note(credentialId);
      return principal;
    }
    const verified = await this.#verify(token);
    const { clientId, keyId, roles, claims, jkt } = verified;
    // Together, so that nodes that share a database count the changes once for both.
    const [keys, row] = await Promise.all([this.keys.exact(), this.identity.client(clientId)]);
    if (keys.find(keyId) === undefined) throw unknownKey();
    const { principal } = await this.#accepted(row, verified, address, prove);
    if (roles === undefined && claims === undefined && jkt === undefined) return principal;
    const access = roles === undefined
      ? principal.access
      : await this.liveClients.cut(principal.access, roles, this.identity);
    return { ...principal, access, claims, ...jkt === undefined ? {} : { isBound: true } };
  }

  /**
   * The client of a credential that is proved.
   * @throws TOKEN_INVALID, SOURCE_NOT_ALLOWED, PROOF_MISSING, and what `prove` throws
   */
  async #accepted(
    row: ClientRow | undefined,
    { jkt, issuedAtMs }: Pick<VerifiedToken, "jkt" | "issuedAtMs">,
    address: string | undefined,
    prove: (() => Promise<string>) | undefined,
  ): Promise<LiveClient> {
    try {
      assertNotIssuedAhead(issuedAtMs);
      const client = this.liveClients.of(row);
      if (client === undefined) throw clientGone();
      assertSource(client.sources, address);
      const { requireDpop } = client;
      if (jkt !== undefined || requireDpop || prove !== undefined) {
        await assertBinding({ jkt, requireDpop }, prove);
      }
      return client;
    } catch (error) {
      throw row === undefined ? error : rejectedFor(error, holderOf(row));
    }
  }

  /**
   * Whether a text, such as an `Authorization` header of any scheme, contains an access token of this server or an API
   * key. Expired tokens and tokens of disabled clients count, too, but not tokens of keys that were removed. The signature
   * is not checked: nobody is harmed by the removal of a forged token.
   */
  async areIn(text: string): Promise<boolean> {
    return hasApiKey(text) || await this.keys.hasAny(keyIdsIn(text));
  }

  async #expired(payload: JWTPayload): Promise<DomainError> {
    const row = await this.identity.client(String(payload["client_id"]));
    const error = new DomainError(
      "TOKEN_EXPIRED",
      "Access token expired: request a new one from /auth/v1/token",
    );
    return rejectedFor(error, row && holderOf(row));
  }

  /** @throws TOKEN_INVALID, TOKEN_EXPIRED */
  async #verify(token: string): Promise<VerifiedToken> {
    const known = this.#verified.get(token);
    if (known !== undefined && Date.now() < known.expiresAtMs) return known;
    this.#verified.delete(token);
    try {
      const { kid: keyId = "" } = decodeProtectedHeader(token);
      const key = await this.keys.find(keyId);
      if (key === undefined) throw unknownKey();
      const { payload } = await jwtVerify(token, key.publicKey, {
        algorithms: ["EdDSA"],
        typ: "at+jwt",
        audience: AUDIENCE,
        requiredClaims: ["sub", "iat", "exp", "client_id"],
      });
      const verified = verifiedToken(keyId, payload);
      this.#verified.set(token, verified);
      return verified;
    } catch (error) {
      // The signature was right: jose checks it before the claims.
      if (error instanceof errors.JWTExpired) throw await this.#expired(error.payload);
      if (error instanceof errors.JOSEError || error instanceof TypeError) {
        throw new DomainError(
          "TOKEN_INVALID",
          "Access token invalid: this server did not issue the token, or the token was changed",
        );
      }
      throw error;
    }
  }
}

function encodedHeader(kid: string): string {
  return base64url.encode(JSON.stringify(headerOf(kid)));
}

function commonStart(first: string, second: string): string {
  let length = 0;
  while (first[length] === second[length]) length++;
  return first.slice(0, length);
}

/** The key ids of what may be access tokens in a text. */
function keyIdsIn(text: string): ReadonlySet<string> {
  const ids = new Set<string>();
  for (let at = -1; (at = text.indexOf(ENCODED_HEADER_START, at + 1)) >= 0;) {
    const encoded = text.slice(at, at + ENCODED_HEADER_LENGTH);
    const id = /"kid":"([0-9A-Za-z]+)"\}$/.exec(Buffer.from(encoded, "base64url").toString())?.[1];
    if (id !== undefined) ids.add(id);
  }
  return ids;
}

/** The claims of a token that this server signed. */
function verifiedToken(keyId: string, payload: JWTPayload): VerifiedToken {
  return {
    keyId,
    clientId: String(payload["client_id"]),
    issuedAtMs: MS_PER_SECOND * Number(payload.iat),
    expiresAtMs: MS_PER_SECOND * Number(payload.exp),
    roles: payload["roles"] as readonly string[] | undefined,
    claims: payload["c1wfc"] as Readonly<Record<string, string>> | undefined,
    jkt: (payload["cnf"] as { readonly jkt: string } | undefined)?.jkt,
  };
}

/**
 * A token that is bound to a key is valid only beside a proof of this key, and a proof only beside such a token: neither
 * can be used as the other.
 * @throws TOKEN_INVALID, PROOF_MISSING, and what `prove` throws
 */
async function assertBinding(
  { jkt, requireDpop }: { readonly jkt: string | undefined; readonly requireDpop: boolean },
  prove: (() => Promise<string>) | undefined,
): Promise<void> {
  if (jkt === undefined) {
    if (requireDpop) {
      throw new DomainError(
        "PROOF_MISSING",
        "Access token rejected: its credential requires DPoP; request a token with a proof in the header DPoP",
      );
    }
    if (prove === undefined) return;
    throw new DomainError(
      "TOKEN_INVALID",
      "Access token invalid: it is bound to no key; send it as Authorization: Bearer",
    );
  }
  if (prove === undefined) {
    throw new DomainError(
      "PROOF_MISSING",
      "Access token rejected: it is bound to a key; send it as Authorization: DPoP, with a proof in the header DPoP",
    );
  }
  if (await prove() === jkt) return;
  throw new DomainError(
    "TOKEN_INVALID",
    "Access token invalid: it is bound to another key than that of the DPoP proof",
  );
}

/** The error of a token of another server, or of a key that was removed. */
function unknownKey(): DomainError {
  return new DomainError(
    "TOKEN_INVALID",
    "Access token invalid: this server has no such signing key, or has removed the key; request a new " +
      "token from /auth/v1/token",
  );
}

/** A token of a clock that was ahead would outlive the time of every other. @throws TOKEN_INVALID */
function assertNotIssuedAhead(issuedAtMs: number): void {
  if (issuedAtMs <= Date.now() + ISSUED_AHEAD_MAX_MS) return;
  throw new DomainError(
    "TOKEN_INVALID",
    `Access token invalid: it was issued at ${
      new Date(issuedAtMs).toISOString()
    }, which is in the future; request a new one from /auth/v1/token`,
  );
}
