/**
 * Answers malformed requests, slow requests and requests with too many headers, none of which reach the app. Reads the
 * path of a request as its client sent it, because a proxy in front and the server must read a path the same way.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { formatBytes, formatDuration } from "../config/mod.ts";
import { SECURITY_HEADERS } from "./middleware.ts";
import { DomainError } from "../domain/errors.ts";

/** Headers of one request. Node's limit in bytes does not count separators, so many short headers need this one. */
const HEADERS_MAX = 200;

interface Limits {
  readonly maxHeaderBytes: number;
  readonly headerTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

interface ProtocolError {
  readonly status:
    | "400 Bad Request"
    | "408 Request Timeout"
    | "431 Request Header Fields Too Large";
  readonly message: string;
}

/**
 * Answers what the server's parser rejects, and what takes too long to arrive; each answer names the limit.
 * @param answers the response that each connection waits for
 */
export function answerProtocolErrors(
  server: Server,
  limits: Limits,
  answers: WeakMap<object, ServerResponse>,
): void {
  // Node drops headers beyond this number; one more than the limit shows that there were more.
  server.maxHeadersCount = HEADERS_MAX + 1;
  server.on("clientError", (error: Error & { code?: string }, client: Duplex) => {
    const protocolError = protocolErrorOf(error.code, limits);
    // In the middle of a response the client would read another one as a part of it.
    const isAnswered = answers.get(client)?.headersSent === true;
    if (protocolError === undefined || isAnswered || !client.writable) client.destroy();
    else client.end(inBytes(protocolError), () => client.destroy());
  });
}

/** Undefined where no client could read the answer: the connection broke, or its TLS handshake failed. */
function protocolErrorOf(
  code = "",
  { maxHeaderBytes, headerTimeoutMs, requestTimeoutMs }: Limits,
): ProtocolError | undefined {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return {
        status: "431 Request Header Fields Too Large",
        message: `The headers of the request are longer than the limit of ${
          formatBytes(maxHeaderBytes)
        } (--max-header)`,
      };
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return {
        status: "408 Request Timeout",
        message: `The request took longer to arrive than the limits of ${
          formatDuration(headerTimeoutMs)
        } for its headers (--header-timeout) and ${
          formatDuration(requestTimeoutMs)
        } for all of it (--request-timeout)`,
      };
  }
  if (!code.startsWith("HPE_")) return undefined;
  return { status: "400 Bad Request", message: "The request is not valid HTTP/1.1" };
}

/** Answers a request with a {@link headViolation}. */
export function reject({ status, message }: HeadViolation, outgoing: ServerResponse): void {
  const body = statusBody(message);
  outgoing.writeHead(status, { ...SECURITY_HEADERS, ...headersOf(body) });
  outgoing.end(body);
}

/** `.` or `..` as a segment, also with `%2e` for a dot (https://url.spec.whatwg.org/#single-dot-path-segment). */
const DOT_SEGMENT = /(?:^|\/)((?:\.|%2e){1,2})(?=\/|$)/i;
const HTTP_ORIGIN = /^https?:\/\/[^/?#]*/i;
/** What follows the path. */
const QUERY = /[?#].*$/s;

interface HeadViolation {
  readonly status: number;
  readonly message: string;
}

/**
 * What is wrong with the head of a request that Node's parser accepts, before a URL is made of its target: too many headers,
 * two hosts or a path that may be read in two ways. What a URL drops or rewrites beside dot segments never comes here:
 * `node:http` rejects tabs, `@hono/node-server` backslashes.
 */
export function headViolation(
  { rawHeaders, url = "" }: IncomingMessage,
): HeadViolation | undefined {
  if (rawHeaders.length > 2 * HEADERS_MAX) {
    return { status: 431, message: `The request has more than ${HEADERS_MAX} headers` };
  }
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === "host") hosts++;
  }
  // RFC 9112, section 3.2: a proxy may have read the other one.
  if (hosts > 1) return { status: 400, message: "The request has more than one header Host" };
  const [, segment] = DOT_SEGMENT.exec(url.replace(HTTP_ORIGIN, "").replace(QUERY, "")) ?? [];
  if (segment === undefined) return undefined;
  return {
    status: 400,
    message:
      `The path of the request has the dot segment "${segment}": send the path to which it leads`,
  };
}

/** A google.rpc.Status with the code INVALID_ARGUMENT. */
function statusBody(message: string): string {
  return JSON.stringify({ code: 3, message, details: [] });
}

function headersOf(body: string): Readonly<Record<string, string>> {
  return {
    "content-type": "application/json",
    "content-length": `${new TextEncoder().encode(body).length}`,
    "Connection": "close",
  };
}

function inBytes({ status, message }: ProtocolError): string {
  const body = statusBody(message);
  const headers = Object.entries({ ...SECURITY_HEADERS, ...headersOf(body) });
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `HTTP/1.1 ${status}\r\n${lines}\r\n${body}`;
}

/** A letter, digit or other character that needs no encoding in any path: RFC 3986, section 2.3. */
const ENCODED_UNRESERVED = /%(?:2[de]|3\d|[46][1-9a-f]|[57][0-9a]|5f|7e)/gi;

/** The part of a path that all operations share. Slashes behind it enclose ids, of which an empty one is no other path. */
const SHARED_PREFIX = /^\/+(?:(?:api|auth)\/+v1\/+)?/;

/**
 * What routes are compared with. Its fixed parts are not decoded: a proxy that lets no stranger to `/api` would pass on
 * `/%61pi`. A server URL that ends in a slash makes clients, C1's SDKs among them, send paths with two of them.
 */
export function pathOf({ url }: Request): string {
  // Without decoding: the parameters of a route are decoded after it matched.
  const path = url.slice(url.indexOf("/", url.indexOf("://") + 3)).replace(QUERY, "");
  if (!path.includes("//")) return path;
  return path.replace(SHARED_PREFIX, (prefix) => prefix.replace(/\/+/g, "/"));
}

/**
 * The error for a path that no route has, but that would have one if its letters were decoded.
 * @param isRoute whether a route has a path
 */
export function encodedPathViolation(
  method: string,
  path: string,
  isRoute: (path: string) => boolean,
): DomainError | undefined {
  const [encoded] = path.match(ENCODED_UNRESERVED) ?? [];
  if (encoded === undefined || !isRoute(path.replace(ENCODED_UNRESERVED, decodeURIComponent))) {
    return undefined;
  }
  const violation =
    `has ${encoded} for ${JSON.stringify(decodeURIComponent(encoded))}: fixed parts of ` +
    "a path must not be percent-encoded";
  return new DomainError(
    "INVALID_FIELD",
    `No operation matches ${method} ${path}: the path ${violation}`,
    {
      violations: [{ field: "path", description: violation }],
    },
  );
}
