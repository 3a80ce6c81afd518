import type { MiddlewareHandler } from "hono";
import type { ApiRateLimit } from "../api/rate_limit.ts";
import { DomainError } from "../domain/errors.ts";
import type { AccessTokens, Principal } from "../domain/identity/mod.ts";
import type { Env } from "./env.ts";

/**
 * Authenticates requests by their bearer token (RFC 6750, section 2.1), sets their principal and counts them.
 * Rejects requests with TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED and RATE_LIMITED.
 */
export function authenticate(
  accessTokens: AccessTokens,
  countRequest: ApiRateLimit,
): MiddlewareHandler<Env> {
  return async (c, next) => {
    c.set("principal", await bearerOf(c.req.header("authorization"), accessTokens, countRequest));
    await next();
  };
}

/**
 * The principal of a header `Authorization` with a bearer token, whose request is counted.
 * @throws TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED, RATE_LIMITED
 */
export async function bearerOf(
  header: string | undefined,
  accessTokens: AccessTokens,
  countRequest: ApiRateLimit,
): Promise<Principal> {
  const token = header === undefined ? undefined : /^bearer +(\S+)$/i.exec(header.trim())?.[1];
  if (token === undefined) throw tokenMissing(header);
  const principal = await accessTokens.check(token);
  countRequest(principal);
  return principal;
}

/** C1's Go SDK sends an empty token if only the field `BearerAuth` of its `Security` is set. */
function tokenMissing(header: string | undefined): DomainError {
  const fault = /^\s*bearer\s*$/i.test(header ?? "")
    ? "the token in Authorization: Bearer is empty; C1's Go SDK sends the field Oauth of Security, not BearerAuth"
    : "it has no header Authorization: Bearer <access token>; /auth/v1/token issues one";
  return new DomainError("TOKEN_MISSING", `Cannot authenticate the request: ${fault}`);
}
