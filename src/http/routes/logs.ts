import { z } from "@hono/zod-openapi";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import type { LogEvent } from "../../domain/invocations/logs.ts";
import type { Domain } from "../../domain/mod.ts";
import { type App, endpoint } from "../endpoint.ts";
import { logJson, logOut, statusName } from "../../api/invocations/schemas.ts";
import { listOf, pageQuery } from "../../api/primitives.ts";

/** Read what invocations printed, as pages or live. */
export function logRoutes(app: App, { logs }: Domain, maxBodyBytes: number): void {
  endpoint(app, maxBodyBytes, {
    operationId: "invoked.InvocationService.ListLogs",
    method: "get",
    path: "/api/v1/functions/{function_id}/invocations/{id}/logs",
    summary: "Get what an invocation printed, in order; as text/event-stream, live until it ends",
    params: z.object({ function_id: z.string(), id: z.string() }),
    query: pageQuery,
    headers: z.object({
      "Accept": z.string().optional().openapi({ description: "`text/event-stream` follows live" }),
      "Last-Event-ID": z.string().optional().openapi({
        description: "Sequence number to go on after",
      }),
    }),
    response: listOf(logOut),
  }, async ({ params, query }, c) => {
    if (c !== undefined && acceptsEvents(c.req.header("accept"))) {
      const lastEventId = c.req.header("last-event-id") ?? "";
      const after = /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : 0;
      const events = await logs.follow(params.function_id, params.id, after);
      return streamSSE(c, (stream) => send(events, stream));
    }
    const page = { pageSize: query.page_size, pageToken: query.page_token };
    const { list, nextPageToken } = await logs.list(params.function_id, params.id, page);
    return { list: list.map(logJson), nextPageToken };
  });
}

function acceptsEvents(accept = ""): boolean {
  return accept.split(",").some((type) =>
    type.split(";")[0]?.trim().toLowerCase() === "text/event-stream"
  );
}

/** Events `log` (id: its sequence number) and, last, `end`; a comment now and then keeps proxies awake. */
async function send(events: AsyncGenerator<LogEvent>, stream: SSEStreamingApi): Promise<void> {
  for await (const event of events) {
    if (stream.aborted) return;
    switch (event.kind) {
      case "log":
        await stream.writeSSE({
          event: "log",
          id: String(event.log.sequence),
          data: JSON.stringify(logJson(event.log)),
        });
        break;
      case "quiet":
        await stream.write(": waiting\n\n");
        break;
      case "end":
        await stream.writeSSE({
          event: "end",
          data: JSON.stringify({ status: statusName(event.status) }),
        });
    }
  }
}
