/** The head of a request as a function gets it. */
import type { IncomingMessage } from "node:http";
import type { Header } from "../../domain/endpoints/client.ts";
import type { EndpointRequest } from "../../domain/triggers/endpoints.ts";
import { withoutSessions } from "../authentication.ts";
import { HOP_BY_HOP } from "../../shared/http_headers.ts";
import { traceOfRequest } from "../../shared/trace_headers.ts";
import { DomainError, invalid } from "../../domain/errors.ts";

/** Methods that `Request` does not accept. */
const NOT_FOR_FETCH: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);
const WITHOUT_BODY: ReadonlySet<string> = new Set(["GET", "HEAD"]);
/** What proxies say of the client, which a function learns from its context. */
const OF_PROXIES = /^(?:forwarded|x-forwarded-.+|x-real-ip)$/;
const PREFIX_HEADER = "X-Forwarded-Prefix";

/** How a request reaches a function. */
interface Route {
  /** Scheme and host under which the client reached the server. */
  readonly origin: string;
  /** The part of the path that names the function; empty on a host of its own. */
  readonly prefix: string;
  /** The rest of the path, with the query. */
  readonly rest: string;
  /** Headers in lower case that do not reach the function. */
  readonly withheld: ReadonlySet<string>;
  readonly remoteAddress: string | undefined;
  /** Whether the server knows who sends the request. */
  readonly isAuthenticated: boolean;
}

/** The path and query of a request; its target may have a scheme and host in front of them. */
export function targetOf({ url = "" }: IncomingMessage): string {
  if (url.startsWith("/")) return url;
  const target = URL.parse(url);
  return target === null ? url : target.pathname + target.search;
}

/** @throws INVALID_FIELD, UPGRADE_NOT_SUPPORTED */
export function requestOf(
  incoming: IncomingMessage,
  { origin, prefix, rest, withheld, remoteAddress, isAuthenticated }: Route,
): EndpointRequest {
  const { method = "GET", headers } = incoming;
  if (/\bwebsocket\b/i.test(headers.upgrade ?? "")) {
    throw new DomainError(
      "UPGRADE_NOT_SUPPORTED",
      "WebSocket rejected: endpoints answer with responses and event streams",
    );
  }
  if (NOT_FOR_FETCH.has(method)) {
    throw invalid({ field: "method", description: `${method} is not served` });
  }
  const url = URL.parse(origin + (rest.startsWith("/") ? rest : `/${rest}`));
  if (url === null) {
    throw invalid({ field: "path", description: "is not valid in a URL" });
  }
  const hasBody = !WITHOUT_BODY.has(method) &&
    (headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0");
  return {
    method,
    url: url.href,
    headers: headersOf(incoming, prefix, withheld),
    hasBody,
    path: url.pathname,
    remoteAddress,
    trace: traceOfRequest({
      traceparent: headers["traceparent"]?.toString(),
      tracestate: headers["tracestate"]?.toString(),
    }, isAuthenticated),
  };
}

function headersOf(
  { rawHeaders, headers }: IncomingMessage,
  prefix: string,
  withheld: ReadonlySet<string>,
): Header[] {
  const ofConnection = new Set(
    (headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase()),
  );
  const found: Header[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    const lower = name.toLowerCase();
    const isDropped = HOP_BY_HOP.has(lower) || ofConnection.has(lower) || withheld.has(lower) ||
      lower === "expect" || OF_PROXIES.test(lower);
    const value = rawHeaders[at + 1] ?? "";
    const shown = lower === "cookie" ? withoutSessions(value) : value;
    if (!isDropped && (lower !== "cookie" || shown !== "")) found.push([name, shown]);
  }
  return prefix === "" ? found : [...found, [PREFIX_HEADER, prefix]];
}
