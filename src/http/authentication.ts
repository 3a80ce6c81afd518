import type { MiddlewareHandler } from "hono";
import { DomainError } from "../domain/errors.ts";
import type { AccessTokens } from "../domain/identity/mod.ts";
import type { Env } from "./endpoint.ts";

/** Lets requests with a good bearer token through (RFC 6750, header only), and tells who calls. */
export function authenticate(accessTokens: AccessTokens): MiddlewareHandler<Env> {
  return async (c, next) => {
    const header = c.req.header("authorization");
    const token = header === undefined ? undefined : /^bearer +(\S+)$/i.exec(header.trim())?.[1];
    if (token === undefined) {
      throw new DomainError(
        "TOKEN_MISSING",
        "This endpoint needs Authorization: Bearer <access token from /auth/v1/token>",
      );
    }
    c.set("principal", await accessTokens.check(token));
    await next();
  };
}
