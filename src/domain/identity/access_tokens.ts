/** Access tokens, and API keys, which need no exchange for an access token. */
import { base64url, errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { LRUCache } from "lru-cache";
import { DomainError } from "../errors.ts";
import type { IdentityReader } from "../../store/identity.ts";
import { entriesUpTo } from "../../shared/entries.ts";
import { API_KEY, API_KEY_PREFIX, hashSecret } from "./credentials.ts";
import type { LiveClient, LiveClients } from "./live_clients.ts";
import { clientGone, type Principal } from "./principal.ts";
import type { SigningKey } from "./server_keys.ts";
import { assertSource } from "./source_networks.ts";

/** Verified tokens in memory. */
const VERIFIED_TOKENS_MAX = 10_000;
const MS_PER_SECOND = 1000;
/** How far ahead of the clock a token may have been issued: the clock may be set back a little. */
const ISSUED_AHEAD_MAX_MS = 60 * MS_PER_SECOND;
const ISSUER = "invoked";
const AUDIENCE = "invoked/api";

/** What a grant allows: the client of the token, and what cuts or extends the token. */
export interface Granted {
  readonly client: LiveClient;
  /** Ids of the roles that cut the token; undefined for a token with all rights of its client. */
  readonly roles?: readonly string[] | undefined;
  /** Claims of the workload's own token, which become the claim `c1wfc`. */
  readonly claims?: Readonly<Record<string, string>> | undefined;
  /** How long the token lives; the server's lifetime by default. */
  readonly lifetimeMs?: number | undefined;
}

/** A new access token. */
interface IssuedToken {
  readonly token: string;
  readonly expiresInSeconds: number;
}

/** What a verified token says. */
interface VerifiedToken {
  readonly clientId: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly roles: readonly string[] | undefined;
  readonly claims: Readonly<Record<string, string>> | undefined;
}

/**
 * Issues and checks access tokens: EdDSA JWTs (RFC 7519, RFC 8037) that name a client. What the client may do is looked
 * up at each check, in memory until a client, its principal or one of their roles changes, on whichever node.
 */
export class AccessTokens {
  /** Verified tokens, so that a signature is checked once and not at every request. */
  readonly #verified = new LRUCache<string, VerifiedToken>(entriesUpTo(VERIFIED_TOKENS_MAX));

  readonly #header: { readonly alg: "EdDSA"; readonly typ: "at+jwt"; readonly kid: string };
  /** The first part of every token of this server, and of no other server: it names the key. */
  readonly #head: string;

  constructor(
    private readonly key: SigningKey,
    private readonly identity: Pick<IdentityReader, "client" | "apiKey" | "roles">,
    private readonly liveClients: LiveClients,
    private readonly lifetimeMs: number,
  ) {
    this.#header = { alg: "EdDSA", typ: "at+jwt", kid: key.id };
    this.#head = base64url.encode(JSON.stringify(this.#header));
  }

  /** Issues a token that ends with its lifetime or with its client, whichever is first. */
  async issue(
    { client, roles, claims, lifetimeMs = this.lifetimeMs }: Granted,
  ): Promise<IssuedToken> {
    const { principal, expiresAtMs } = client;
    const issuedAt = Math.floor(Date.now() / MS_PER_SECOND);
    const leftMs = Math.min(lifetimeMs, expiresAtMs - Date.now());
    const expiresInSeconds = Math.max(1, Math.floor(leftMs / MS_PER_SECOND));
    const payload = {
      client_id: principal.clientId,
      ...roles === undefined ? {} : { roles },
      ...claims === undefined ? {} : { c1wfc: claims },
    };
    const token = await new SignJWT(payload)
      .setProtectedHeader(this.#header)
      .setIssuer(ISSUER).setAudience(AUDIENCE).setSubject(principal.id)
      .setIssuedAt(issuedAt).setExpirationTime(issuedAt + expiresInSeconds)
      .sign(this.key.privateKey);
    return { token, expiresInSeconds };
  }

  /**
   * The principal of an access token or of an API key.
   * @param address of the client that sends it
   * @throws TOKEN_INVALID, TOKEN_EXPIRED, SOURCE_NOT_ALLOWED
   */
  async check(token: string, address: string | undefined): Promise<Principal> {
    if (API_KEY.test(token)) {
      const row = await this.identity.apiKey(hashSecret(token));
      return usable(this.liveClients.of(row), address).principal;
    }
    const { clientId, roles, claims } = await this.#verify(token);
    const client = this.liveClients.of(await this.identity.client(clientId));
    const { principal } = usable(client, address);
    if (roles === undefined && claims === undefined) return principal;
    const access = roles === undefined
      ? principal.access
      : principal.access.cutBy(await this.liveClients.grantsOf(this.identity, roles));
    return { ...principal, access, claims };
  }

  /**
   * Whether a text, such as an `Authorization` header of any scheme, contains an access token of this server or an API
   * key. Expired tokens and tokens of disabled clients count, too. The signature is not checked: nobody is harmed by the
   * removal of a forged token.
   */
  areIn(text: string): boolean {
    return text.includes(this.#head) || text.includes(API_KEY_PREFIX);
  }

  /** @throws TOKEN_INVALID, TOKEN_EXPIRED */
  async #verify(token: string): Promise<VerifiedToken> {
    const known = this.#verified.get(token);
    if (known !== undefined && Date.now() < known.expiresAtMs) {
      assertNotIssuedAhead(known.issuedAtMs);
      return known;
    }
    this.#verified.delete(token);
    try {
      const { payload } = await jwtVerify(token, this.key.publicKey, {
        algorithms: ["EdDSA"],
        typ: "at+jwt",
        issuer: ISSUER,
        audience: AUDIENCE,
        requiredClaims: ["sub", "iat", "exp", "client_id"],
      });
      const verified = verifiedToken(payload);
      assertNotIssuedAhead(verified.issuedAtMs);
      this.#verified.set(token, verified);
      return verified;
    } catch (error) {
      if (error instanceof errors.JWTExpired) {
        throw new DomainError(
          "TOKEN_EXPIRED",
          "Access token expired: request a new one from /auth/v1/token",
        );
      }
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

/** The claims of a token that this server signed. */
function verifiedToken(payload: JWTPayload): VerifiedToken {
  return {
    clientId: String(payload["client_id"]),
    issuedAtMs: MS_PER_SECOND * Number(payload.iat),
    expiresAtMs: MS_PER_SECOND * Number(payload.exp),
    roles: payload["roles"] as readonly string[] | undefined,
    claims: payload["c1wfc"] as Readonly<Record<string, string>> | undefined,
  };
}

/** @throws TOKEN_INVALID, SOURCE_NOT_ALLOWED */
function usable(client: LiveClient | undefined, address: string | undefined): LiveClient {
  if (client === undefined) throw clientGone();
  if (client.allowSourceCidrs.length > 0) assertSource(client.allowSourceCidrs, address);
  return client;
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
