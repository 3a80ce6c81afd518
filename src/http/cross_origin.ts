import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { Env } from "./env.ts";

const PREFLIGHT_MAX_AGE_SECONDS = 600;

/**
 * Lets web pages of exactly these origins call the server (https://fetch.spec.whatwg.org/#http-cors-protocol).
 * Credentials of the browser are never allowed: a page brings its own bearer token. Answers to other
 * origins have no header of the protocol, so that browsers withhold them; Hono's `cors` alone would send some.
 */
export function crossOrigin(origins: readonly string[]): MiddlewareHandler<Env> {
  const allow = cors({
    origin: [...origins],
    allowMethods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    allowHeaders: [
      ...["Authorization", "Content-Type", "Prefer", "Invoke-At", "Idempotency-Key", "Request-Id"],
      ...["If-Match", "If-None-Match", "Range", "Last-Event-ID"],
    ],
    exposeHeaders: [
      ...["Request-Id", "Invocation-Status", "Preference-Applied", "Retry-After"],
      ...["ETag", "Content-Range", "WWW-Authenticate"],
    ],
    maxAge: PREFLIGHT_MAX_AGE_SECONDS,
  });
  return async (c, next) => {
    if (origins.includes(c.req.header("origin") ?? "")) return await allow(c, next);
    await next();
    c.res.headers.append("Vary", "Origin");
  };
}
