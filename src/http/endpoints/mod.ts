/** Serves requests to functions: each goes to the `fetch` of a commit, whose bodies are streamed. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context, Hono } from "hono";
import type { Uses } from "../../api/operation.ts";
import { senderOf, TokenBuckets } from "../../shared/token_buckets.ts";
import { countOf } from "../../config/mod.ts";
import type { OwnHosts } from "../../domain/triggers/addresses.ts";
import { DomainError } from "../../domain/errors.ts";
import { principalOfToken, type TokenServices } from "../authentication.ts";
import type { Env } from "../env.ts";
import { requestContextOf } from "../request_context.ts";
import { withoutRequestTimeout } from "../body.ts";
import { assertNoCodeOfServer, untrustedHeaders } from "../untrusted_answer.ts";
import { type ClientLimits, NodeClient } from "./node_client.ts";
import type { PublicOrigins } from "../middleware.ts";
import { requestOf, targetOf } from "./request_head.ts";

/** The services that endpoints use. */
export type EndpointServices = TokenServices & Uses<"endpoints">;

/** What endpoints need of the server. */
export interface EndpointOptions extends ClientLimits {
  readonly publicOrigin: PublicOrigins;
  /** Undefined if no endpoint has a host of its own. */
  readonly ownHosts: OwnHosts | undefined;
  /** Largest body of a request whose signature is checked, in bytes. */
  readonly signedBodyBytes: number;
  readonly rates: EndpointRates;
}

const PREVIEW = /^(\/preview\/([^/?]+)\/([^/?]+))(.*)$/s;
/** On the server's own host a function sets no cookies, and gets none: they are those of the server's pages. */
const OF_SERVER: ReadonlySet<string> = new Set(["cookie"]);
/** The headers of an access token: the token, and the proof of its key. */
export const OF_TOKEN = ["authorization", "dpop"] as const;
/** With the headers that the server has checked. */
const CHECKED: ReadonlySet<string> = new Set([...OF_SERVER, ...OF_TOKEN]);

/** `/preview/{function_id}/{commit_id}/...`: any commit, for who may invoke its function. */
export function servePreviews(
  app: Hono<Env>,
  services: EndpointServices,
  options: EndpointOptions,
): void {
  const { endpoints } = services;
  app.all("/preview/*", async (c) => {
    const { incoming, outgoing } = c.env;
    const [, prefix = "", functionId = "", commitId = "", rest = ""] =
      PREVIEW.exec(targetOf(incoming)) ?? [];
    if (prefix === "") throw notFound(c);
    const by = await principalOfToken(requestContextOf(c), services);
    assertNoCodeOfServer(incoming);
    const remoteAddress = c.get("clientAddress");
    options.rates.countAddress(remoteAddress);
    options.rates.countFunction(functionId);
    const origin = options.publicOrigin.of(incoming);
    const sender = { remoteAddress, isAuthenticated: true };
    const request = requestOf(incoming, { origin, prefix, rest, withheld: CHECKED, ...sender });
    const client = new NodeClient(incoming, outgoing, options, untrustedHeaders);
    if (client.rejectsSize()) return RESPONSE_ALREADY_SENT;
    withoutRequestTimeout(incoming);
    const commit = { functionId: decoded(functionId), commitId: decoded(commitId) };
    const onRecorded = (id: string) => c.set("invocationId", id);
    await endpoints.preview(by, commit, { ...request, onRecorded }, client);
    return RESPONSE_ALREADY_SENT;
  });
}

function notFound(c: Context<Env>): DomainError {
  return new DomainError(
    "ENDPOINT_NOT_FOUND",
    `No preview at ${c.req.path}: the path of a preview is /preview/{function_id}/{commit_id}/`,
  );
}

/** A part of a path without its percent-encoding; as it is where that is malformed. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Limits the requests to endpoints of each address, and to each function. */
export class EndpointRates {
  readonly #buckets: TokenBuckets | undefined;

  /** @param perSecond 0 lets all through */
  constructor(private readonly perSecond: number, node: { readonly share: number }) {
    if (perSecond > 0) this.#buckets = new TokenBuckets({ perSecond, burst: perSecond }, node);
  }

  /** Counts a request before anything of it is checked. @throws RATE_LIMITED */
  countAddress(address: string | undefined): void {
    this.#count("this address", `a ${senderOf(address)}`);
  }

  /** Counts a request whose sender may call the function: strangers use up none of the rate of its clients. @throws RATE_LIMITED */
  countFunction(functionId: string): void {
    this.#count("all clients of this function", `f ${functionId}`);
  }

  #count(who: string, key: string): void {
    const seconds = this.#buckets?.take(key) ?? 0;
    if (seconds === 0) return;
    throw new DomainError(
      "RATE_LIMITED",
      `Request rate exceeded: ${who} may send ${
        countOf(this.perSecond, "request")
      } per second to endpoints (--endpoint-rate)`,
      { retryAfterSeconds: Math.ceil(seconds) },
    );
  }
}
