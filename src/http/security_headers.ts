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
 * Sets the headers that keep browsers from misusing answers. They are set on Node's response, before the answer: headers
 * of the answer override them, and no `Headers` object is made for them. Hono's `secureHeaders` makes this object for every
 * answer, and sets its headers after the handler, when the answer of an endpoint has already left.
 * @param hsts whether clients shall insist on https from now on (RFC 6797)
 */
export function securityHeaders(hsts: boolean): MiddlewareHandler<Env> {
  const always = Object.entries({
    ...SECURITY_HEADERS,
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    ...hsts ? { "Strict-Transport-Security": `max-age=${HSTS_MAX_AGE_SECONDS}` } : {},
  });
  return async (c, next) => {
    const { outgoing } = c.env;
    for (const [name, value] of always) outgoing.setHeader(name, value);
    if (NEVER_STORED.test(c.req.path)) outgoing.setHeader("Cache-Control", "no-store");
    await next();
  };
}
