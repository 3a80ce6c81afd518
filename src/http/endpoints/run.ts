/** Serves requests to endpoints: at `/run/{slug}`, or on hosts of their own. */
import type { IncomingMessage } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context, Hono } from "hono";
import type { Header } from "../../domain/endpoints/client.ts";
import { ClientIdle } from "../../domain/endpoints/client.ts";
import type { EndpointAddress } from "../../domain/triggers/addresses.ts";
import type { Endpoint } from "../../domain/triggers/endpoints.ts";
import { DomainError } from "../../domain/errors.ts";
import { ENDPOINT_ROUTE } from "../../telemetry/contract.ts";
import { principalOfToken } from "../authentication.ts";
import type { Env } from "../env.ts";
import { requestContextOf } from "../request_context.ts";
import { withoutRequestTimeout } from "../body.ts";
import {
  assertNoCodeOfServer,
  HEADERS_OF_SERVER,
  ownHeaders,
  untrustedHeaders,
} from "../untrusted_answer.ts";
import { corsHeaders, isPreflight, preflightHeaders, withoutCors } from "./cors.ts";
import { type EndpointOptions, type EndpointServices, OF_TOKEN } from "./mod.ts";
import { NodeClient } from "./node_client.ts";
import { requestOf, targetOf } from "./request_head.ts";

const RUN = /^(\/run\/([^/?]+))(.*)$/s;

/** How a request has reached an endpoint. */
interface Reached {
  readonly address: EndpointAddress;
  /** Scheme and host. */
  readonly origin: string;
  /** The part of the path that names the endpoint; empty on a host of its own. */
  readonly prefix: string;
  readonly rest: string;
}

/** Serves every path on the hosts of endpoints, and passes on the requests to others. */
export function serveOwnHosts(
  app: Hono<Env>,
  services: EndpointServices,
  options: EndpointOptions,
): void {
  const { ownHosts } = options;
  if (ownHosts === undefined) return;
  app.use(async (c, next) => {
    const { incoming, outgoing } = c.env;
    const host = options.publicOrigin.hostOf(incoming);
    const address = host === undefined ? undefined : ownHosts(host);
    if (host === undefined || address === undefined) return await next();
    for (const name of HEADERS_OF_SERVER) outgoing.removeHeader(name);
    const origin = `${options.publicOrigin.schemeOf(incoming)}://${host}`;
    const reached = { address, origin, prefix: "", rest: targetOf(incoming) };
    return await serveEndpoint(c, reached, services, options);
  });
}

/** Serves `/run/{slug}/...` on the server's own host. */
export function serveRuns(
  app: Hono<Env>,
  services: EndpointServices,
  options: EndpointOptions,
): void {
  app.all("/run/*", async (c) => {
    const { incoming } = c.env;
    const [, prefix = "", slug = "", rest = ""] = RUN.exec(targetOf(incoming)) ?? [];
    assertNoCodeOfServer(incoming);
    const origin = options.publicOrigin.of(incoming);
    return await serveEndpoint(c, { address: { slug }, origin, prefix, rest }, services, options);
  });
}

async function serveEndpoint(
  c: Context<Env>,
  { address, origin, prefix, rest }: Reached,
  services: EndpointServices,
  options: EndpointOptions,
): Promise<Response> {
  const { incoming, outgoing } = c.env;
  const { endpoints } = services;
  c.set("route", ENDPOINT_ROUTE);
  const remoteAddress = c.get("clientAddress");
  const endpoint = await endpoints.find(address);
  const isOwn = prefix === "";
  const { cors } = endpoint.http;
  const shared = cors === undefined ? [] : corsHeaders(incoming, cors);
  for (const [name, value] of shared) outgoing.setHeader(name, value);
  options.rates.countAddress(remoteAddress);
  if (cors !== undefined && isPreflight(incoming)) {
    for (const [name, value] of preflightHeaders(incoming, cors)) outgoing.setHeader(name, value);
    return c.body(null, 204);
  }
  const guarded = (headers: readonly Header[]) => {
    const own = cors === undefined ? headers : [...withoutCors(headers), ...shared];
    return isOwn ? ownHeaders(own) : untrustedHeaders(own);
  };
  const client = new NodeClient(incoming, outgoing, options, guarded);
  const ownOrigin = isOwn ? origin : undefined;
  const isAuthorized = await authorize(c, { endpoint, ownOrigin }, client, services, options);
  if (!isAuthorized) return RESPONSE_ALREADY_SENT;
  options.rates.countFunction(endpoint.row.functionId);
  // A function must not act as the client of a token, whatever the endpoint checks.
  const hasToken = endpoint.http.auth === "ENDPOINT_AUTH_BEARER" ||
    await services.accessTokens.areIn(authorizationOf(incoming));
  const withheld = new Set([...isOwn ? [] : ["cookie"], ...hasToken ? OF_TOKEN : []]);
  const isAuthenticated = endpoint.http.auth !== "ENDPOINT_AUTH_OPEN";
  const sender = { remoteAddress, isAuthenticated };
  const request = requestOf(incoming, { origin, prefix, rest, withheld, ...sender });
  if (client.rejectsSize()) return RESPONSE_ALREADY_SENT;
  withoutRequestTimeout(incoming);
  const onRecorded = (id: string) => c.set("invocationId", id);
  await endpoints.serve(endpoint, { ...request, onRecorded }, client);
  return RESPONSE_ALREADY_SENT;
}

/** Every header `Authorization` of a request: Node's `headers` have the first alone. */
function authorizationOf({ rawHeaders }: IncomingMessage): string {
  return rawHeaders.filter((_, at) =>
    at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === "authorization"
  ).join(" ");
}

/** Checks who sends a request; false if it has got its answer, otherwise throws what is wrong with the sender. */
async function authorize(
  c: Context<Env>,
  { endpoint, ownOrigin }: {
    readonly endpoint: Endpoint;
    /** Scheme and host of an endpoint on a host of its own. */
    readonly ownOrigin: string | undefined;
  },
  client: NodeClient,
  services: EndpointServices,
  options: EndpointOptions,
): Promise<boolean> {
  const { endpoints } = services;
  switch (endpoint.http.auth) {
    case "ENDPOINT_AUTH_OPEN":
      return true;
    case "ENDPOINT_AUTH_BEARER":
      endpoints.assertMayCall(
        await principalOfToken(requestContextOf(c), services, ownOrigin),
        endpoint,
      );
      return true;
    case "ENDPOINT_AUTH_SIGNATURE":
      try {
        endpoints.verify(endpoint, c.req.header(), await client.readWhole(options.signedBodyBytes));
        return true;
      } catch (error) {
        if (error instanceof ClientIdle) {
          client.substitute({ kind: "idle", message: error.message }, "");
        } else if (error instanceof DomainError && error.reason === "BODY_TOO_LARGE") {
          client.substitute({ kind: "error", error }, "");
        } else throw error;
        return false;
      }
  }
}
