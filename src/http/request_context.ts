/** What the parts of the transport know of a request, whichever route it takes. */
import type { Context } from "hono";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Env } from "./env.ts";

/** A request and its response. */
export interface RequestContext {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** As the routes read it, without the query. */
  readonly path: string;
  readonly requestId: string;
  /** Undefined for a connection that is gone. */
  readonly clientAddress: string | undefined;
}

/** What an operation learns of the transport of its request. */
export function transportOf({ incoming, requestId, clientAddress }: RequestContext) {
  return { requestId, remoteAddress: clientAddress, userAgent: incoming.headers["user-agent"] };
}

/** The same of a request that the app serves. */
export function requestContextOf(c: Context<Env>): RequestContext {
  const { incoming, outgoing } = c.env;
  return {
    incoming,
    outgoing,
    path: c.req.path,
    requestId: c.get("requestId"),
    clientAddress: c.get("clientAddress"),
  };
}
