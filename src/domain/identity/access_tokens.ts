import { base64url, errors, jwtVerify, SignJWT } from "jose";
import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../../shared/entries.ts";
import { DomainError } from "../errors.ts";
import type { IdentityReader } from "../../store/identity.ts";
import { clientGone, type LiveClient, liveClientOf, type Principal } from "./principal.ts";
import type { SigningKey } from "./server_keys.ts";

/** Verified tokens in memory. */
const VERIFIED_TOKENS_MAX = 10_000;
const MS_PER_SECOND = 1000;
/** How far ahead of the clock a token may have been issued: the clock may be set back a little. */
const ISSUED_AHEAD_MAX_MS = 60 * MS_PER_SECOND;
const ISSUER = "invoked";
const AUDIENCE = "invoked/api";

/** A new access token. */
interface IssuedToken {
  readonly token: string;
  readonly expiresInSeconds: number;
}

/**
 * Issues and checks access tokens: EdDSA JWTs (RFC 7519, RFC 8037) that name a client. What the client may do is looked
 * up at each check, in memory until a client changes.
 */
export class AccessTokens {
  /** Verified tokens with their times, so that a signature is checked once and not at every request. */
  readonly #verified = new LRUCache<
    string,
    { readonly clientId: string; readonly issuedAtMs: number; readonly expiresAtMs: number }
  >(entriesUpTo(VERIFIED_TOKENS_MAX));

  readonly #header: { readonly alg: "EdDSA"; readonly typ: "at+jwt"; readonly kid: string };
  /** The first part of every token of this server, and of no other server: it names the key. */
  readonly #head: string;

  constructor(
    private readonly key: SigningKey,
    private readonly identity: Pick<IdentityReader, "client">,
    private readonly lifetimeMs: number,
  ) {
    this.#header = { alg: "EdDSA", typ: "at+jwt", kid: key.id };
    this.#head = base64url.encode(JSON.stringify(this.#header));
  }

  /** Issues a token that ends with its lifetime or with its client, whichever is first. */
  async issue({ principal, expiresAtMs }: LiveClient): Promise<IssuedToken> {
    const issuedAt = Math.floor(Date.now() / MS_PER_SECOND);
    const lifetimeMs = Math.min(this.lifetimeMs, expiresAtMs - Date.now());
    const expiresInSeconds = Math.max(1, Math.floor(lifetimeMs / MS_PER_SECOND));
    const token = await new SignJWT({ client_id: principal.clientId })
      .setProtectedHeader(this.#header)
      .setIssuer(ISSUER).setAudience(AUDIENCE).setSubject(principal.id)
      .setIssuedAt(issuedAt).setExpirationTime(issuedAt + expiresInSeconds)
      .sign(this.key.privateKey);
    return { token, expiresInSeconds };
  }

  /** @throws TOKEN_INVALID, TOKEN_EXPIRED */
  async check(token: string): Promise<Principal> {
    const row = await this.identity.client(await this.#clientIdOf(token));
    const client = row === undefined ? undefined : liveClientOf(row);
    if (client === undefined) throw clientGone();
    return client.principal;
  }

  /**
   * Whether a text, such as a header `Authorization` of any scheme, has an access token of this server, whatever is around
   * it. Expired ones and those of disabled clients count, too. The signature is not checked: nobody misses a forged token.
   */
  areIn(text: string): boolean {
    return text.includes(this.#head);
  }

  /** The client that a token was issued to. @throws TOKEN_INVALID, TOKEN_EXPIRED */
  async #clientIdOf(token: string): Promise<string> {
    const known = this.#verified.get(token);
    if (known !== undefined && Date.now() < known.expiresAtMs) {
      assertNotIssuedAhead(known.issuedAtMs);
      return known.clientId;
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
      const issuedAtMs = MS_PER_SECOND * Number(payload.iat);
      assertNotIssuedAhead(issuedAtMs);
      const clientId = String(payload["client_id"]);
      const expiresAtMs = MS_PER_SECOND * Number(payload.exp);
      this.#verified.set(token, { clientId, issuedAtMs, expiresAtMs });
      return clientId;
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
