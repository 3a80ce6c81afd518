/** What the parts of the transport know of a request, whichever route it takes. */
import type { Context } from "hono";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Env } from "./env.ts";

/** A request and its response. */
export interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** As the routes read it, without the query. */
  readonly path: string;
  readonly requestId: string;
  /** Undefined for a connection that is gone. */
  readonly clientAddress: string | undefined;
}

/** The exchange of a request that the app serves. */
export function exchangeOf(c: Context<Env>): Exchange {
  const { incoming, outgoing } = c.env;
  return {
    incoming,
    outgoing,
    path: c.req.path,
    requestId: c.get("requestId"),
    clientAddress: c.get("clientAddress"),
  };
}
