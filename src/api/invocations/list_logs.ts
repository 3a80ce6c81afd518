import { z } from "@hono/zod-openapi";
import type { LogEvent } from "../../domain/invocations/logs.ts";
import { endsAnswer } from "../ended_rights.ts";
import { jsonOperation, Reply, type ServerSentEvent, type Uses } from "../operation.ts";
import { listOf, pageJson, pageOf, pageQuery } from "../primitives.ts";
import { logJson, logOut, statusName } from "./schemas.ts";

export const listLogs = jsonOperation({
  operationId: "invoked.InvocationService.ListLogs",
  route: "GET /api/v1/functions/{function_id}/invocations/{id}/logs",
  summary:
    "Get the log lines of an invocation in order; text/event-stream follows a running invocation",
  permission: "functions:read",
  query: pageQuery,
  headers: z.object({
    "Accept": z.string().optional().openapi({
      description: "`text/event-stream` follows the log live",
    }),
    "Last-Event-ID": z.string().optional().openapi({
      description: "Sequence number after which to continue",
    }),
  }),
  response: listOf(logOut),
  async handle({ params, query, headers, checkAgain }, { logs }: Uses<"logs">) {
    if (acceptsEvents(headers.Accept)) {
      const after = sequenceOf(headers["Last-Event-ID"]);
      const followed = await logs.follow(params.function_id, params.id, after);
      return new Reply({ kind: "events", events: eventsOf(followed, checkAgain) });
    }
    return pageJson(await logs.list(params.function_id, params.id, pageOf(query)), logJson);
  },
});

function acceptsEvents(accept = ""): boolean {
  return accept.split(",").some((type) =>
    type.split(";")[0]?.trim().toLowerCase() === "text/event-stream"
  );
}

/** The sequence number of the last event that a client has; 0, before the first, for what is no number. */
function sequenceOf(lastEventId = ""): number {
  return /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : 0;
}

/**
 * Events `log` (id: its sequence number) and, last, `end`; comments in between keep proxies from timing out. Ends early,
 * without `end`, once the credential of the request or the permission does.
 */
async function* eventsOf(
  followed: AsyncGenerator<LogEvent>,
  checkAgain: () => Promise<unknown>,
): AsyncGenerator<ServerSentEvent> {
  try {
    for await (const event of followed) {
      await checkAgain();
      yield eventOf(event);
    }
  } catch (error) {
    if (!endsAnswer(error)) throw error;
  }
}

function eventOf(event: LogEvent): ServerSentEvent {
  switch (event.kind) {
    case "log":
      return {
        event: "log",
        id: String(event.log.sequence),
        data: JSON.stringify(logJson(event.log)),
      };
    case "quiet":
      return { comment: "waiting" };
    case "end":
      return { event: "end", data: JSON.stringify({ status: statusName(event.status) }) };
  }
}
