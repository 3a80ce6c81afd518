/** Forwards one request, or the bytes of one tunnel, between a function and an allowed host. */
import { Buffer } from "node:buffer";
import { type IncomingMessage, request, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import { type EgressFailure, type EgressRequest, unlogged } from "./session.ts";
import { EgressError, errorHeader } from "./error.ts";
import type { Destination } from "./target.ts";
import { EGRESS_ERROR_HEADER } from "../../runtime/wire.ts";
import { HOP_BY_HOP } from "../../shared/http_headers.ts";

const BROKEN = new EgressError("ECONNRESET", "the connection broke");

/** The headers for the next hop. `Host` is the checked destination, not what the function wrote. */
function requestHeaders(to: Destination, from: IncomingMessage, more: Headers): Headers {
  return [["Host", to.authority], ...endToEnd(from.rawHeaders, ["host"]), ...more];
}

/** Forwards the request over `upstream` and its response back. */
export function forwardRequest(
  egressRequest: EgressRequest,
  to: Destination,
  from: IncomingMessage,
  answer: ServerResponse,
  upstream: Socket,
): void {
  const isChunked = from.headers["transfer-encoding"] !== undefined;
  const hasBody = isChunked || from.headers["content-length"] !== undefined;
  const more: Headers = [
    ["Connection", "close"],
    ...isChunked ? [["Transfer-Encoding", "chunked"] as const] : [],
  ];
  const outgoing = egressRequest.own(request({
    createConnection: () => upstream,
    method: from.method ?? "GET",
    path: to.path,
    headers: flat(requestHeaders(to, from, more)),
    setHost: false,
  }));
  const fail = () => {
    // An error after the complete response does no harm.
    if (answer.writableFinished) return;
    egressRequest.fail(BROKEN);
    if (answer.headersSent) answer.destroy();
    // If a limit broke the connection the function gets that limit as the reason.
    else rejectRequest(answer, egressRequest.failure ?? unlogged(BROKEN));
  };
  outgoing.on("error", fail);
  outgoing.on("response", (response) => {
    egressRequest.status = response.statusCode ?? 0;
    answer.writeHead(
      response.statusCode ?? 502,
      response.statusMessage,
      // A host must not pass for the proxy.
      flat(endToEnd(response.rawHeaders, [EGRESS_ERROR_HEADER])),
    );
    response.on("data", (chunk: Uint8Array) => egressRequest.received(chunk.length));
    response.on("error", fail);
    response.pipe(answer);
  });
  answer.on("finish", () => egressRequest.finish());
  answer.on("close", () => {
    egressRequest.finish();
    outgoing.destroy();
  });
  if (!hasBody) return void outgoing.end();
  from.on("data", (chunk: Uint8Array) => egressRequest.sent(chunk.length));
  from.pipe(outgoing);
}

/** The head of a WebSocket's opening handshake (RFC 6455 section 4.1) for the checked host. */
export function upgradeHead(to: Destination, from: IncomingMessage): string {
  const headers = requestHeaders(to, from, [["Connection", "Upgrade"], ["Upgrade", "websocket"]]);
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `GET ${to.path} HTTP/1.1\r\n${lines}\r\n`;
}

/** Copies bytes both ways until both sides have ended or one failed. */
export function tunnel(egressRequest: EgressRequest, client: Duplex, upstream: Socket): void {
  const done = () => {
    egressRequest.finish();
    client.destroy();
    upstream.destroy();
  };
  for (const side of [client, upstream]) {
    side.on("error", done);
    side.on("close", done);
  }
  client.on("data", (chunk: Uint8Array) => egressRequest.sent(chunk.length));
  upstream.on("data", (chunk: Uint8Array) => egressRequest.received(chunk.length));
  client.pipe(upstream);
  upstream.pipe(client);
}

/** Responds to a request that is not forwarded. */
export function rejectRequest(answer: ServerResponse, { error, line }: EgressFailure): void {
  const text = `${line}\n`;
  const [name, value] = errorHeader(error, line);
  answer.writeHead(error.status, {
    [name]: value,
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    "Connection": "close",
  });
  answer.end(text);
}

/** Responds to a tunnel that is not opened. */
export function rejectTunnel(client: Duplex, { error, line }: EgressFailure): void {
  const text = `${line}\n`;
  client.end(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\n${
      errorHeader(error, line).join(": ")
    }\r\n` +
      "Content-Type: text/plain; charset=utf-8\r\n" +
      `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}

/** Pairs of names and values from `rawHeaders`. */
export type Headers = readonly (readonly [string, string])[];

/** The end-to-end headers, without those in `renewed`. */
function endToEnd(rawHeaders: readonly string[], renewed: readonly string[] = []): Headers {
  const pairs = pairsOf(rawHeaders);
  const dropped = new Set([...HOP_BY_HOP, "expect", ...renewed]);
  for (const [name, value] of pairs) {
    if (name.toLowerCase() !== "connection") continue;
    for (const option of value.split(",")) dropped.add(option.trim().toLowerCase());
  }
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase()));
}

/** Headers in the form in which `node:http` keeps repeated ones. */
export function flat(headers: Headers): string[] {
  return headers.flatMap(([name, value]) => [name, value]);
}

function pairsOf(rawHeaders: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    pairs.push([rawHeaders[at] ?? "", rawHeaders[at + 1] ?? ""]);
  }
  return pairs;
}
