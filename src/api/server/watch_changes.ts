import { z } from "@hono/zod-openapi";
import type { LiveChanges } from "../../domain/changes/live_changes.ts";
import { ALL_FUNCTIONS } from "../../domain/references.ts";
import { DomainError } from "../../domain/errors.ts";
import { rawOperation, Reply, type ServerSentEvent, type Uses } from "../operation.ts";

const EVENTS = "text/event-stream";
const change = z.object({
  kind: z.enum(["function", "commit", "invocation", "trigger", "volume"]),
  id: z.string().optional().openapi({ description: "Absent if several resources changed" }),
  functionId: z.string().optional(),
}).openapi("invoked.Change");

export const watchChanges = rawOperation({
  operationId: "invoked.ServerService.WatchChanges",
  method: "get",
  path: "/api/v1/events",
  summary: "Stream the names of resources that change, as server-sent events",
  permission: "functions:read",
  concerns: () => ALL_FUNCTIONS,
  ofClient: true,
  answers: { 200: { description: "OK", content: { [EVENTS]: change } } },
  async handle(
    { principal, functions, signal, checkCredential },
    { liveChanges }: Uses<"liveChanges">,
  ) {
    const events = eventsOf(
      liveChanges.watch(principal.clientId, functions, signal()),
      checkCredential,
    );
    // Once the client has the head of the answer, it misses nothing.
    await events.next();
    return new Reply({ kind: "events", events });
  },
});

/** Ends once the credential of the request does: before the next event, or after a quiet time. */
async function* eventsOf(
  watched: ReturnType<LiveChanges["watch"]>,
  checkCredential: () => Promise<unknown>,
): AsyncGenerator<ServerSentEvent> {
  try {
    for await (const change of watched) {
      await checkCredential();
      if (typeof change !== "string") yield { data: JSON.stringify(change) };
      // Twice: the handler takes the first.
      if (change === "begun") yield { comment: change };
      if (typeof change === "string") yield { comment: change };
    }
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== "UNAUTHENTICATED") throw error;
  }
}
