import type { MiddlewareHandler } from "hono";
import type { IncomingMessage } from "node:http";
import type { Uses } from "../api/operation.ts";
import type { ApiRateLimit } from "../api/rate_limit.ts";
import { DomainError } from "../domain/errors.ts";
import type { AccessTokens, Principal } from "../domain/identity/mod.ts";
import { noteProved } from "./connections.ts";
import type { Env } from "./env.ts";
import type { SessionCookies } from "./session_cookie.ts";

type Identity = Uses<"accessTokens" | "consoleSessions" | "apiRateLimit">;

/**
 * Authenticates requests by their bearer token (RFC 6750, section 2.1), or without one by the session of their cookie.
 * Sets their principal and counts them. Rejects requests with TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED,
 * SESSION_ENDED, NOT_FROM_CONSOLE and RATE_LIMITED.
 */
export function authenticate(identity: Identity, cookies: SessionCookies): MiddlewareHandler<Env> {
  return async (c, next) => {
    const check = credentialOf(c.env.incoming, identity, cookies);
    const principal = await check();
    noteProved(c.env.incoming);
    identity.apiRateLimit(principal);
    c.set("principal", principal);
    c.set("checkCredential", check);
    await next();
  };
}

/** Authenticates as {@link authenticate}, but by a bearer token alone. */
export function authenticateBearer(
  { accessTokens, apiRateLimit }: Identity,
): MiddlewareHandler<Env> {
  return async (c, next) => {
    c.set("principal", await bearerOf(c.env.incoming, accessTokens, apiRateLimit));
    await next();
  };
}

/** Sets the cookie of requests that must come from the console. Rejects others with NOT_FROM_CONSOLE. */
export function readCookie(cookies: SessionCookies): MiddlewareHandler<Env> {
  return async (c, next) => {
    c.set("sessionCookie", cookies.ofConsole(c.env.incoming));
    await next();
  };
}

/** Finds the credential of a request. The result checks it, now and later. @throws NOT_FROM_CONSOLE */
function credentialOf(
  incoming: IncomingMessage,
  { accessTokens, consoleSessions }: Identity,
  cookies: SessionCookies,
): () => Promise<Principal> {
  const { authorization, cookie } = incoming.headers;
  const session = authorization === undefined && cookie !== undefined
    ? cookies.of(incoming).token
    : undefined;
  if (session !== undefined) return async () => (await consoleSessions.check(session)).principal;
  const bearer = tokenIn(authorization);
  return () => accessTokens.check(bearer);
}

/**
 * The principal of a request by the bearer token in its header `Authorization`; the request is counted.
 * @throws TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED, RATE_LIMITED
 */
export async function bearerOf(
  incoming: IncomingMessage,
  accessTokens: AccessTokens,
  countRequest: ApiRateLimit,
): Promise<Principal> {
  const principal = await accessTokens.check(tokenIn(incoming.headers.authorization));
  noteProved(incoming);
  countRequest(principal);
  return principal;
}

/** @throws TOKEN_MISSING */
function tokenIn(header: string | undefined): string {
  const token = header === undefined ? undefined : /^bearer +(\S+)$/i.exec(header.trim())?.[1];
  if (token === undefined) throw tokenMissing(header);
  return token;
}

/** C1's Go SDK sends an empty token if only the field `BearerAuth` of its `Security` is set. */
function tokenMissing(header: string | undefined): DomainError {
  const fault = /^\s*bearer\s*$/i.test(header ?? "")
    ? "the token in the header Authorization: Bearer is empty; with C1's Go SDK, set the field Oauth of Security instead of BearerAuth"
    : "the request has no header Authorization: Bearer <access token>; /auth/v1/token issues access tokens";
  return new DomainError("TOKEN_MISSING", `Authentication failed: ${fault}`);
}
