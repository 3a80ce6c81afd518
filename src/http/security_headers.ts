import type { MiddlewareHandler } from "hono";
import type { Env } from "./env.ts";

/** For answers that are data: a browser that shows one as a page runs no script in it. Pages set their own. */
const CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'";
const HSTS_MAX_AGE_SECONDS = 365 * 24 * 60 * 60;
/** Answers below these paths are for their caller alone. */
const NEVER_STORED = /^\/(?:api|auth|file)\//;

/** Headers of every answer, errors included. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/**
 * Sets the headers that keep browsers from misusing answers.
 * @param hsts whether clients shall insist on https from now on (RFC 6797)
 */
export function securityHeaders(hsts: boolean): MiddlewareHandler<Env> {
  return async (c, next) => {
    await next();
    const { headers } = c.res;
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) headers.set(name, value);
    if (!headers.has("Content-Security-Policy")) {
      headers.set("Content-Security-Policy", CONTENT_SECURITY_POLICY);
    }
    if (NEVER_STORED.test(c.req.path)) headers.set("Cache-Control", "no-store");
    if (hsts) headers.set("Strict-Transport-Security", `max-age=${HSTS_MAX_AGE_SECONDS}`);
  };
}
