import type { Context } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import type { Reply, ReplyHeaders, ServerSentEvent } from "../api/reply.ts";
import type { Env } from "./env.ts";
import { answerError } from "./errors.ts";

/** The HTTP response of a reply. A HEAD request gets the headers alone. */
export async function toResponse(
  { body, headers, status }: Reply,
  c: Context<Env>,
): Promise<Response> {
  if (body.kind === "json") return jsonResponse(body.value, status, headers);
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  const isHead = c.req.method === "HEAD";
  switch (body.kind) {
    case "empty":
      return c.body(null, status);
    case "error":
      return answerError(body.error, c);
    case "stream":
      if (!isHead) return c.newResponse(body.stream, status);
      await body.stream.cancel();
      return c.body(null, status);
    case "events":
      if (!isHead) return eventStream(body.events, c);
      await body.events.return(undefined);
      c.header("Content-Type", "text/event-stream");
      return c.body(null, status);
  }
}

/** Headers stay a plain object, which node-server sends as it is. */
function jsonResponse(value: unknown, status: number, headers: ReplyHeaders): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "Content-Type": "application/json", ...headers },
  });
}

function eventStream(events: AsyncGenerator<ServerSentEvent>, c: Context<Env>): Response {
  const response = streamSSE(c, (stream) => send(events, stream));
  // Hono allows to store events that are checked again; like other answers they must not be stored.
  response.headers.delete("Cache-Control");
  return response;
}

async function send(
  events: AsyncGenerator<ServerSentEvent>,
  stream: SSEStreamingApi,
): Promise<void> {
  for await (const event of events) {
    if (stream.aborted) return;
    if ("comment" in event) await stream.write(`: ${event.comment}\n\n`);
    else await stream.writeSSE(event);
  }
}
