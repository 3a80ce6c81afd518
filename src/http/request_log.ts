/** The id and the log line of every request. */
import { getLogger, withContext } from "@logtape/logtape";
import type { IncomingMessage } from "node:http";
import type { Context, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import type { Env } from "./env.ts";
import type { ClientAddress } from "./middleware.ts";
import { parseTraceparent } from "../shared/trace_context.ts";
import type { Telemetry } from "../telemetry/contract.ts";

const logger = getLogger(["invoked", "http"]);
/** The start of a path whose rest is a credential, which does not belong in a log: an upload URL, or that of a webhook. */
const CAPABILITY = /^(\/file\/|\/api\/v1\/webhooks\/incoming\/[^/]*\/t\/).*/s;
/** What load balancers ask all the time. */
const PROBES: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);
/** A request id that a proxy in front may set. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** What the log knows of a request before its answer. */
export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  /** What is on each log line of the request. */
  readonly named: { readonly requestId: string; readonly traceId?: string };
  /** Undefined for a connection that is gone. */
  readonly clientAddress: string | undefined;
  readonly startedMs: number;
}

/** What the log learns of a request with its answer. */
interface Answered {
  /** Template of the path. */
  readonly route: string | undefined;
  readonly status: number;
  readonly invocationId: string | undefined;
}

/**
 * Gives every request an id, on each log line and in the answer, finds the address of its client, and writes one line
 * per request; that of a probe that succeeds only at the level `debug`.
 */
export class RequestLog {
  constructor(
    private readonly clientAddress: ClientAddress,
    private readonly telemetry: Telemetry,
  ) {}

  /** Call it first: a connection that is gone has no address. */
  begin(incoming: IncomingMessage, path: string): LoggedRequest {
    const { method = "", headers } = incoming;
    const given = headers["request-id"];
    const requestId = typeof given === "string" && REQUEST_ID.test(given)
      ? given
      : crypto.randomUUID();
    const sent = headers["traceparent"];
    const traceId = typeof sent === "string" ? parseTraceparent(sent)?.traceId : undefined;
    return {
      method,
      path,
      named: traceId === undefined ? { requestId } : { requestId, traceId },
      clientAddress: this.clientAddress(incoming),
      startedMs: performance.now(),
    };
  }

  /** Runs what answers the request, with its id on each log line. */
  within<T>({ named }: LoggedRequest, answer: () => Promise<T>): Promise<T> {
    return withContext(named, answer);
  }

  /** Call it once the answer is known. */
  end(request: LoggedRequest, { route, status, invocationId }: Answered): void {
    const { method, path, named, clientAddress, startedMs } = request;
    const durationMs = performance.now() - startedMs;
    this.telemetry.requestAnswered({ method, route, status, durationMs, invocationId });
    const level = PROBES.has(path) && status < 300 ? "debug" : "info";
    logger[level]("{method} {path} {status} {milliseconds} ms", {
      method,
      path: path.replace(CAPABILITY, "$1..."),
      status,
      milliseconds: Math.round(durationMs * 10) / 10,
      ...named,
      address: clientAddress,
    });
  }
}

/** The log of the requests that the app serves. */
export function requestLog(log: RequestLog): MiddlewareHandler<Env> {
  return async (c, next) => {
    const { incoming, outgoing } = c.env;
    const request = log.begin(incoming, c.req.path);
    const { named: { requestId }, clientAddress } = request;
    c.set("requestId", requestId);
    c.set("clientAddress", clientAddress);
    outgoing.setHeader("Request-Id", requestId);
    await log.within(request, next);
    const status = outgoing.headersSent ? outgoing.statusCode : c.res.status;
    log.end(request, { route: routeOf(c), status, invocationId: c.get("invocationId") });
  };
}

/** Templates by paths in Hono's syntax: `/a/:b{[^/]+}` is `/a/{b}`; undefined for a path of several routes. */
const templates = new Map<string, string | undefined>();

/**
 * Template of the path of an answered request, whether or not its caller was authorized; undefined for a path without a
 * route, such as that of a file of the console.
 */
function routeOf(c: Context<Env>): string | undefined {
  const own = c.get("route");
  if (own !== undefined) return own;
  const routes = matchedRoutes(c);
  for (let at = routes.length - 1; at >= 0; at--) {
    const path = routes[at]?.path ?? "";
    if (!templates.has(path)) templates.set(path, templateOf(path));
    const template = templates.get(path);
    if (template !== undefined) return template;
  }
  return undefined;
}

function templateOf(path: string): string | undefined {
  const template = path.replace(/:(\w+)(?:\{[^}]*\})?/g, "{$1}");
  return template.includes("*") ? undefined : template;
}
