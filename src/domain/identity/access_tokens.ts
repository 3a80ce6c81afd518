import { errors, jwtVerify, SignJWT } from "jose";
import { LRUCache } from "lru-cache";
import { DomainError } from "../errors.ts";
import type { Principal } from "./principal.ts";
import type { SigningKey } from "./server_keys.ts";

/** How long an access token lives. */
export const ACCESS_TOKEN_TTL_SECONDS = 600;
/** Verified tokens in memory. */
const VERIFIED_TOKENS_MAX = 10_000;
const MS_PER_SECOND = 1000;
/** How far ahead of the clock a token may have been issued: the clock may be set back a little. */
const ISSUED_AHEAD_MAX_MS = 60 * MS_PER_SECOND;
const ISSUER = "invoked";
const AUDIENCE = "invoked/api";

/** Issues and checks access tokens: EdDSA JWTs (RFC 7519, RFC 8037), checked without the store. */
export class AccessTokens {
  /** Verified tokens with their times, so that a signature is checked once and not at every request. */
  readonly #verified = new LRUCache<
    string,
    { readonly principal: Principal; readonly issuedAtMs: number; readonly expiresAtMs: number }
  >({ max: VERIFIED_TOKENS_MAX });

  constructor(private readonly key: SigningKey) {}

  issue(principal: Principal): Promise<string> {
    return new SignJWT({
      client_id: principal.clientId,
      name: principal.displayName,
      roles: principal.roles,
    })
      .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: this.key.id })
      .setIssuer(ISSUER).setAudience(AUDIENCE).setSubject(principal.id)
      .setIssuedAt().setExpirationTime(`${ACCESS_TOKEN_TTL_SECONDS}s`)
      .sign(this.key.privateKey);
  }

  /** @throws TOKEN_INVALID, TOKEN_EXPIRED */
  async check(token: string): Promise<Principal> {
    const known = this.#verified.get(token);
    if (known !== undefined && Date.now() < known.expiresAtMs) {
      assertNotIssuedAhead(known.issuedAtMs);
      return known.principal;
    }
    this.#verified.delete(token);
    try {
      const { payload } = await jwtVerify(token, this.key.publicKey, {
        algorithms: ["EdDSA"],
        typ: "at+jwt",
        issuer: ISSUER,
        audience: AUDIENCE,
        requiredClaims: ["sub", "iat", "exp", "client_id", "name", "roles"],
      });
      const issuedAtMs = MS_PER_SECOND * Number(payload.iat);
      assertNotIssuedAhead(issuedAtMs);
      const principal: Principal = {
        id: String(payload.sub),
        displayName: String(payload["name"]),
        clientId: String(payload["client_id"]),
        roles: payload["roles"] as string[],
      };
      const expiresAtMs = MS_PER_SECOND * Number(payload.exp);
      this.#verified.set(token, { principal, issuedAtMs, expiresAtMs });
      return principal;
    } catch (error) {
      if (error instanceof errors.JWTExpired) {
        throw new DomainError(
          "TOKEN_EXPIRED",
          "Cannot use the access token: it has expired; /auth/v1/token issues a new one",
        );
      }
      if (error instanceof errors.JOSEError || error instanceof TypeError) {
        throw new DomainError(
          "TOKEN_INVALID",
          "Cannot use the access token: this server did not issue it, or it was changed",
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
    `Cannot use the access token: it was issued at ${
      new Date(issuedAtMs).toISOString()
    }, which is in the future; /auth/v1/token issues a new one`,
  );
}
