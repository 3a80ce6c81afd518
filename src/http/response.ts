import type { Context } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Reply, ServerSentEvent } from "../api/reply.ts";
import type { Env } from "./env.ts";
import { answerError } from "./errors.ts";

/** The HTTP response of a reply. A HEAD request gets the headers alone. */
export async function toResponse(
  { body, headers, status }: Reply,
  c: Context<Env>,
): Promise<Response> {
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  const isHead = c.req.method === "HEAD";
  switch (body.kind) {
    case "json":
      return c.json(body.value as object, status as ContentfulStatusCode);
    case "empty":
      return c.body(null, status);
    case "error":
      return answerError(body.error, c);
    case "stream":
      if (!isHead) return c.newResponse(body.stream, status);
      await body.stream.cancel();
      return c.body(null, status);
    case "events":
      if (!isHead) return streamSSE(c, (stream) => send(body.events, stream));
      await body.events.return(undefined);
      c.header("Content-Type", "text/event-stream");
      return c.body(null, status);
  }
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
