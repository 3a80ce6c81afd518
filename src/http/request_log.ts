import { getLogger, withContext } from "@logtape/logtape";
import type { MiddlewareHandler } from "hono";
import type { ClientAddress } from "./client_address.ts";
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
