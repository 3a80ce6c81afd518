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
const ISSUER = "invoked";
const AUDIENCE = "invoked/api";

/** Issues and checks access tokens: EdDSA JWTs (RFC 7519, RFC 8037), checked without the store. */
export class AccessTokens {
  /** Verified tokens with their expiry, so that a signature is checked once and not at every request. */
  readonly #verified = new LRUCache<
    string,
    { readonly principal: Principal; readonly expiresAtMs: number }
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
    if (known !== undefined && Date.now() < known.expiresAtMs) return known.principal;
    this.#verified.delete(token);
    try {
      const { payload } = await jwtVerify(token, this.key.publicKey, {
        algorithms: ["EdDSA"],
        typ: "at+jwt",
        issuer: ISSUER,
        audience: AUDIENCE,
        requiredClaims: ["sub", "exp", "client_id", "name", "roles"],
      });
      const principal: Principal = {
        id: String(payload.sub),
        displayName: String(payload["name"]),
        clientId: String(payload["client_id"]),
        roles: payload["roles"] as string[],
      };
      this.#verified.set(token, { principal, expiresAtMs: MS_PER_SECOND * Number(payload.exp) });
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
