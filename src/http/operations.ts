/** Serves the operations over HTTP: reads a request for its operation, and sends the reply. */
import type { Context, Hono } from "hono";
import type { HttpBindings } from "@hono/node-server";
import type { IncomingMessage, ServerResponse } from "node:http";
import { getLogger } from "@logtape/logtape";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import { callOperation, type OperationRequest } from "../api/call.ts";
import { parseJson } from "../api/messages/readers.ts";
import { type Operation, type Reply, type ServerSentEvent, takesBytes } from "../api/operation.ts";
import type { ReplyHeaders } from "../api/cookies.ts";
import type { Services } from "../api/services.ts";
import { invalid } from "../domain/errors.ts";
import { type BodyLimits, rawBody, receiveBody } from "./body.ts";
import type { Env } from "./env.ts";
import type { FunctionAnswer } from "../domain/triggers/deliveries.ts";
import { encodeJson, type JsonPart, readContent } from "../shared/json_text.ts";
import { answerError, CLIENT_GONE } from "./errors.ts";
import { UNBUFFERED } from "./event_stream.ts";
import { requestContextOf, transportOf } from "./request_context.ts";
import { BoundedResponse, SMALL_ANSWER_BYTES } from "./server.ts";
import { untrustedHeaders } from "./untrusted_answer.ts";
import type { Slashes } from "../api/route.ts";

/** What a path parameter matches, besides one segment, in Hono's syntax. */
const SLASHES: Readonly<Record<Slashes, string>> = {
  "commit-reference": "{(?:refs/tags/)?[^/]+}",
  "trust": "{[^/]+(?:/wfe)?}",
  any: "{[^]*}",
};

/** Serves the operations over HTTP. */
export function serveOperations(
  app: Hono<Env>,
  operations: readonly Operation[],
  services: Services,
  limits: BodyLimits,
): void {
  for (const operation of operations) {
    const { method, path, slashes = {} } = operation;
    const headerNames = Object.keys(operation.headers?.shape ?? {});
    const restOfPath = Object.keys(slashes).find((name) => slashes[name] === "any");
    const isInBytes = takesBytes(operation);
    app.on(method.toUpperCase(), routePath(path, slashes), async (c) => {
      if (restOfPath !== undefined) assertEncoded(restOfPath, c.req.url);
      const { incoming } = c.env;
      const headers: Record<string, string> = {};
      for (const name of headerNames) {
        const value = c.req.header(name);
        if (value !== undefined) headers[name] = value;
      }
      const request: OperationRequest = {
        principal: c.get("principal"),
        sessionCookie: c.get("sessionCookie"),
        browser: c.get("browser"),
        checkCredential: c.get("checkCredential") ?? (() => Promise.resolve(undefined)),
        params: c.req.param(),
        query: c.req.query(),
        headers,
        async readBody() {
          if (isInBytes) return rawBody(incoming, c.req.raw, limits);
          return method === "get" ? {} : await jsonOfRequest(incoming, limits);
        },
        signal: () => c.req.raw.signal,
        onInvocation: (id) => c.set("invocationId", id),
        ...transportOf(requestContextOf(c)),
      };
      return await toResponse(await callOperation(operation, request, services), c);
    });
  }
}

/** The JSON value in the body of a request. */
export function jsonOfRequest(incoming: IncomingMessage, limits: BodyLimits): Promise<unknown> {
  return receiveBody(incoming, limits.maxBodyBytes, "--max-body", limits.budget, parseJson);
}

/** `/a/{b}` in Hono's syntax: `/a/:b`. */
function routePath(path: string, slashes: Readonly<Record<string, Slashes>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const allowed = slashes[name];
    return `:${name}${allowed === undefined ? "" : SLASHES[allowed]}`;
  });
}

/**
 * Hono leaves what it cannot decode as it is. In a path of any form two addresses would then lead to one file.
 * @throws INVALID_FIELD
 */
function assertEncoded(field: string, url: string): void {
  try {
    decodeURIComponent(new URL(url).pathname);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    const description = "must be UTF-8 in percent-encoding, with %25 for a percent sign";
    throw invalid({ field, description });
  }
}

const logger = getLogger(["invoked", "http"]);

/** The HTTP response of a reply. A HEAD request gets the headers alone. */
async function toResponse(
  { body, headers, status }: Reply,
  c: Context<Env>,
): Promise<Response> {
  if (body.kind === "json") return await jsonResponse(body.value, status, headers, c);
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  const isHead = c.req.method === "HEAD";
  switch (body.kind) {
    case "empty":
      return c.body(null, status);
    case "text":
      return c.text(body.text);
    case "redirect":
      for (const cookie of body.cookies) c.header("Set-Cookie", cookie, { append: true });
      return c.redirect(body.url, 303);
    case "function":
      return answerOfFunction(body.answer);
    case "error":
      return answerError(body.error, c);
    case "stream":
      if (!isHead) return c.newResponse(breakable(body.stream, c), status);
      await body.stream.cancel();
      return c.body(null, status);
    case "events":
      if (!isHead) return eventStream(body.events, c);
      await body.events.return(undefined);
      c.header("Content-Type", "text/event-stream");
      c.header(...UNBUFFERED);
      return c.body(null, status);
  }
}

/** Statuses whose answers have no body. */
const BODILESS = [204, 205, 304];

function answerOfFunction({ status, headers, body }: FunctionAnswer): Response {
  return new Response(BODILESS.includes(status) ? null : body, {
    status,
    headers: new Headers(untrustedHeaders(Object.entries(headers)) as [string, string][]),
  });
}

/** Headers stay a plain object, which node-server sends as it is. */
async function jsonResponse(
  value: unknown,
  status: number,
  headers: ReplyHeaders,
  c: Context<Env>,
): Promise<Response> {
  const body = await jsonBody(value, c.env.outgoing);
  if (body === undefined) return new Response(null, { status: CLIENT_GONE });
  return new Response(body, { status, headers: { ...JSON_HEADERS, ...headers } });
}

/** The headers of an answer in JSON. */
export const JSON_HEADERS = { "Content-Type": "application/json" } as const;

/**
 * The body of an answer in JSON, which has its share of the memory for unread answers; undefined if the client is gone.
 * @throws ANSWERS_UNREAD
 */
export async function jsonBody(
  value: unknown,
  outgoing: ServerResponse,
): Promise<string | Uint8Array<ArrayBuffer> | undefined> {
  const parts = encodeJson(value);
  const [text] = parts;
  const bytes = sizeOf(parts);
  if (bytes > SMALL_ANSWER_BYTES && !await takeMemory(parts, bytes, outgoing)) return undefined;
  return parts.length === 1 ? text as string : await joinedParts(parts);
}

/**
 * Waits until clients have read other answers; content that is stored is read afterwards.
 * @param bytes of all parts
 * @returns false if the client is gone
 * @throws ANSWERS_UNREAD
 */
async function takeMemory(
  parts: readonly JsonPart[],
  bytes: number,
  outgoing: ServerResponse,
): Promise<boolean> {
  if (!(outgoing instanceof BoundedResponse)) return true;
  const { unread } = outgoing;
  if (unread.isFull(bytes)) {
    for (const part of parts) if (typeof part !== "string" && "forget" in part) part.forget?.();
  }
  const held = parts.filter((part) => typeof part === "string" || part instanceof Uint8Array);
  return await unread.take(outgoing, bytes, sizeOf(held));
}

/** Bytes of contents; units of texts, which are fewer than their bytes only beyond ASCII. */
function sizeOf(parts: readonly JsonPart[]): number {
  let bytes = 0;
  for (const part of parts) bytes += typeof part === "string" ? part.length : part.byteLength;
  return bytes;
}

/** The stream, without its errors: node-server and Hono would print them beside the log. */
function breakable(
  stream: ReadableStream<Uint8Array>,
  c: Context<Env>,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        breakOff(error, c.env.outgoing);
        controller.close();
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** Closes the connection of an answer that has begun, so that its client does not take it for whole. */
function breakOff(error: unknown, outgoing: HttpBindings["outgoing"]): void {
  logger.error("an answer broke off: {error}", { error });
  outgoing.destroy();
}

/** Reads and joins the parts of a body. */
async function joinedParts(parts: readonly JsonPart[]): Promise<Uint8Array<ArrayBuffer>> {
  const read = parts.map((part) =>
    typeof part === "string" ? Buffer.from(part) : readContent(part)
  );
  return Buffer.concat(await Promise.all(read));
}

function eventStream(events: AsyncGenerator<ServerSentEvent>, c: Context<Env>): Response {
  const response = streamSSE(c, (stream) => send(events, stream, c.env.outgoing));
  // Hono allows to store events that are checked again; like other answers they must not be stored.
  response.headers.delete("Cache-Control");
  response.headers.set(...UNBUFFERED);
  return response;
}

async function send(
  events: AsyncGenerator<ServerSentEvent>,
  stream: SSEStreamingApi,
  outgoing: HttpBindings["outgoing"],
): Promise<void> {
  try {
    for await (const event of events) {
      if (stream.aborted) return;
      if ("comment" in event) await stream.write(`: ${event.comment}\n\n`);
      else await stream.writeSSE(event);
    }
  } catch (error) {
    breakOff(error, outgoing);
  }
}
