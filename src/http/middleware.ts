/** What every request passes: its id and log line, the security headers of its answer, and CORS. */
import { getLogger, withContext } from "@logtape/logtape";
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { ClientAddress } from "./forwarded.ts";
import type { Env } from "./env.ts";

const logger = getLogger(["invoked", "http"]);
/** What follows it in a path is a token. */
const CAPABILITY_TOKEN = /^(\/api\/v1\/webhooks\/incoming\/[^/]*\/t\/).*/;
/** What load balancers ask all the time. */
const PROBES: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);
/** A request id that a proxy in front may set. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * Gives every request an id, on each log line and in the answer, finds the address of its client, and writes one line
 * per request; that of a probe that succeeds only at the level `debug`.
 */
export function requestLog(clientAddress: ClientAddress): MiddlewareHandler<Env> {
  return async (c, next) => {
    const given = c.req.header("request-id") ?? "";
    const requestId = REQUEST_ID.test(given) ? given : crypto.randomUUID();
    // Now, because a connection that is gone has no address.
    const address = clientAddress(c.env.incoming);
    c.set("requestId", requestId);
    c.set("clientAddress", address);
    c.env.outgoing.setHeader("Request-Id", requestId);
    const started = performance.now();
    await withContext({ requestId }, next);
    const milliseconds = Math.round((performance.now() - started) * 10) / 10;
    const level = PROBES.has(c.req.path) && c.res.ok ? "debug" : "info";
    logger[level]("{method} {path} {status} {milliseconds} ms", {
      method: c.req.method,
      path: withoutCapability(c.req.path),
      status: c.env.outgoing.headersSent ? c.env.outgoing.statusCode : c.res.status,
      milliseconds,
      requestId,
      address,
    });
  };
}

/** An upload URL and the path of a webhook with a token are credentials: they do not belong in a log. */
function withoutCapability(path: string): string {
  return path.startsWith("/file/") ? "/file/..." : path.replace(CAPABILITY_TOKEN, "$1...");
}

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
