/**
 * What every request passes beside its log: the security headers of its answer, and CORS; and what proxies in front of the
 * server say of it: the address of its client, its scheme and host.
 */
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { closeAfter } from "./body.ts";
import type { Env } from "./env.ts";
import { invalid } from "../domain/errors.ts";
import { type Address, Networks, parseAddress } from "../shared/networks.ts";

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
 * The headers that keep browsers from misusing an answer.
 * @param hsts whether clients shall insist on https from now on (RFC 6797)
 */
export function guardingHeaders(path: string, hsts: boolean): Readonly<Record<string, string>> {
  return {
    ...SECURITY_HEADERS,
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    ...hsts ? { "Strict-Transport-Security": `max-age=${HSTS_MAX_AGE_SECONDS}` } : {},
    ...NEVER_STORED.test(path) ? { "Cache-Control": "no-store" } : {},
  };
}

/**
 * Sets the {@link guardingHeaders}. They are set on Node's response, before the answer: headers of the answer override them,
 * and no `Headers` object is made for them. Hono's `secureHeaders` makes this object for every answer, and sets its headers
 * after the handler, when the answer of an endpoint has already left. Closes the connection of a request that is answered
 * before its body has arrived.
 * @param hsts whether clients shall insist on https from now on
 */
export function guardAnswers(hsts: boolean): MiddlewareHandler<Env> {
  return async (c, next) => {
    const { incoming, outgoing } = c.env;
    const headers = guardingHeaders(c.req.path, hsts);
    for (const name in headers) outgoing.setHeader(name, headers[name] ?? "");
    await next();
    if (!outgoing.headersSent) closeAfter(incoming, outgoing);
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
      "DPoP",
      ...["traceparent", "tracestate"],
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

/** A pair of the header `Forwarded`, such as `for="[2001:db8::1]:47011"`: RFC 7239, section 4. */
const PAIR = /^\s*([\w!#$%&'*+.^`|~-]+)=(?:([\w!#$%&'*+.^`|~-]+)|"((?:[^"\\]|\\.)*)")\s*$/;

/** The parameters of one proxy, by their names in lower case. */
type ForwardedElement = ReadonlyMap<string, string>;

/** The elements of a header, that of the nearest proxy first; undefined for a malformed one. */
function forwardedElements(header: string): (ForwardedElement | undefined)[] {
  // An open quote may begin in what a stranger sent, and reach into what the proxy added.
  const elements = splitOutsideQuotes(header, ",") ?? [`malformed ${header}`];
  return elements.filter((element) => element.trim() !== "").map(parseElement).reverse();
}

function parseElement(element: string): ForwardedElement | undefined {
  const parameters = new Map<string, string>();
  for (const text of splitOutsideQuotes(element, ";") ?? []) {
    const [matched, name = "", token, quoted = ""] = PAIR.exec(text) ?? [];
    const key = name.toLowerCase();
    if (matched === undefined || parameters.has(key)) return undefined;
    parameters.set(key, token ?? quoted.replace(/\\(.)/g, "$1"));
  }
  return parameters;
}

/** The parts of a text between separators outside of quotes; undefined when a quote stays open. */
function splitOutsideQuotes(text: string, separator: "," | ";"): string[] | undefined {
  const parts: string[] = [];
  let isQuoted = false;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') isQuoted = !isQuoted;
    else if (isQuoted && character === "\\") at++;
    else if (!isQuoted && character === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return isQuoted ? undefined : [...parts, text.slice(start)];
}

/** The value of a header; several of one name count as one list. */
function headerList(header: string | readonly string[] | undefined): string {
  return typeof header === "string" ? header : header?.join(",") ?? "";
}

/** Hops of one header that are read, from the server on. Beyond them the address of the last one counts. */
const HOPS_MAX = 32;
/** An address with an optional port, which may be obfuscated: IPv6 in brackets. */
const NODE = /^(?:([0-9.]+)|\[([0-9a-f:.]+)\])(?::(?:\d{1,5}|_[\w.-]+))?$/i;

/** The address of the client of a request; undefined for a connection that is gone. */
export type ClientAddress = (incoming: IncomingMessage) => string | undefined;

/**
 * Finds the addresses of clients. What `Forwarded` and `X-Forwarded-For` say counts as far as trusted proxies said it:
 * the client is the last hop, read from the server on, that is no trusted proxy. A hop that names no address ends the
 * search at the proxy that reported it. Headers that lead to different clients count nothing, because a proxy may
 * pass the one on that it does not write.
 *
 * @param trustedProxies networks in CIDR notation
 */
export function clientAddresses(trustedProxies: readonly string[]): ClientAddress {
  const proxies = new TrustedProxies(trustedProxies);
  return ({ socket, headers }) => {
    const peer = proxies.peerOf(socket);
    if (peer === undefined || !peer.isTrusted) return peer?.text;
    const { address } = peer;
    const forwarded = proxies.lastUntrusted(
      address,
      hopsOfForwarded(headerList(headers.forwarded)),
    );
    const listed = proxies.lastUntrusted(
      address,
      hopsOfList(headerList(headers["x-forwarded-for"])),
    );
    const [client = address, other = client] = [forwarded, listed]
      .filter((hop) => hop !== undefined);
    return (client.toString() === other.toString() ? client : address).toString();
  };
}

/** Who has opened a connection. */
interface Peer {
  readonly address: Address;
  readonly text: string;
  readonly isTrusted: boolean;
}

class TrustedProxies {
  readonly #networks: Networks;
  /** Each is found once for all requests of its connection. */
  readonly #peers = new WeakMap<Socket, Peer>();

  /** @param networks in CIDR notation */
  constructor(networks: readonly string[]) {
    this.#networks = new Networks(networks);
  }

  /** Undefined for a connection that is gone. */
  peerOf(socket: Socket): Peer | undefined {
    const known = this.#peers.get(socket);
    if (known !== undefined) return known;
    const address = parseAddress(socket.remoteAddress);
    if (address === undefined) return undefined;
    const peer = { address, text: address.toString(), isTrusted: this.#networks.has(address) };
    this.#peers.set(socket, peer);
    return peer;
  }

  /**
   * Walks from the server to the client.
   * @param hops the nearest first, undefined for one without an address
   * @returns undefined without any hop
   */
  lastUntrusted(peer: Address, hops: Iterable<Address | undefined>): Address | undefined {
    let count = 0;
    let last: Address | undefined;
    for (const hop of hops) {
      last ??= peer;
      if (hop === undefined || count++ === HOPS_MAX) return last;
      last = hop;
      if (!this.#networks.has(hop)) return hop;
    }
    return last;
  }
}

/** The hops of a header `Forwarded`, the nearest first. */
function* hopsOfForwarded(header: string): Generator<Address | undefined> {
  for (const element of forwardedElements(header)) {
    const node = element?.get("for");
    yield node === undefined ? undefined : parseNode(node);
  }
}

/** The hops of a header `X-Forwarded-For`, the nearest first. */
function* hopsOfList(header: string): Generator<Address | undefined> {
  for (const element of header.split(",").reverse()) {
    const text = element.trim();
    if (text !== "") yield parseAddress(text) ?? parseNode(text);
  }
}

function parseNode(text: string): Address | undefined {
  const [, ipv4, ipv6] = NODE.exec(text) ?? [];
  return parseAddress(ipv4 ?? ipv6);
}

const HOST = /^(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/;

/**
 * Finds what requests were sent to. What `X-Forwarded-Proto`, `X-Forwarded-Host` and `Forwarded` say counts if a trusted
 * proxy says it, in this order, and otherwise the header `Host`.
 */
export class PublicOrigins {
  readonly #publicUrl: URL | undefined;
  readonly #scheme: string;
  readonly #proxies: TrustedProxies;

  /** @param url of the server, whose scheme counts where nothing else is known */
  constructor(
    { url, publicUrl, trustedProxies }: {
      readonly url: string;
      readonly publicUrl: string | undefined;
      readonly trustedProxies: readonly string[];
    },
  ) {
    this.#publicUrl = publicUrl === undefined ? undefined : new URL(publicUrl);
    this.#scheme = new URL(publicUrl ?? url).protocol.slice(0, -1);
    this.#proxies = new TrustedProxies(trustedProxies);
  }

  /** The origin of the server itself, such as `https://functions.example.com`. @throws INVALID_FIELD */
  of(incoming: IncomingMessage): string {
    if (this.#publicUrl !== undefined) return this.#publicUrl.origin;
    const host = this.hostOf(incoming);
    if (host === undefined) {
      throw invalid({ field: "Host", description: "is not a valid host name" });
    }
    return `${this.schemeOf(incoming)}://${host}`;
  }

  /**
   * The origin that the browser of a request sees: as {@link of}, but with the host that the request was sent to. That host
   * is another one if the browser has come to the server by another name than that of `--public-url`, or if a proxy that is
   * not trusted replaces `Host`. @throws INVALID_FIELD
   */
  seenBy(incoming: IncomingMessage): string {
    const own = this.of(incoming);
    const seen = URL.parse(`${this.schemeOf(incoming)}://${this.hostOf(incoming) ?? ""}`);
    return seen?.origin ?? own;
  }

  /** `http` or `https`. */
  schemeOf(incoming: IncomingMessage): string {
    const proto = this.#forwarded(incoming, "proto");
    const isKnown = this.#publicUrl === undefined && (proto === "http" || proto === "https");
    return isKnown ? proto : this.#scheme;
  }

  /** The host in lower case, with its port; undefined for one that is not valid. */
  hostOf(incoming: IncomingMessage): string | undefined {
    const host = this.#forwarded(incoming, "host") ?? incoming.headers.host?.toLowerCase() ?? "";
    return HOST.test(host) ? host : undefined;
  }

  /** What the nearest proxy says, in lower case; undefined if it says nothing or is not trusted. */
  #forwarded(incoming: IncomingMessage, name: "proto" | "host"): string | undefined {
    const { socket, headers } = incoming;
    if (this.#proxies.peerOf(socket)?.isTrusted !== true) return undefined;
    const said = headerList(headers[`x-forwarded-${name}`]).split(",").at(-1)?.trim() ||
      forwardedElements(headerList(headers.forwarded))[0]?.get(name);
    return said?.toLowerCase();
  }
}
