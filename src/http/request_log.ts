/** The id and the log line of every request. */
import { getLogger, withContext } from "@logtape/logtape";
import type { IncomingMessage } from "node:http";
import type { MiddlewareHandler } from "hono";
import type { Env } from "./env.ts";
import type { ClientAddress } from "./middleware.ts";
import { routeOf } from "./routes.ts";
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
