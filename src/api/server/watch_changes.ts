import { z } from "@hono/zod-openapi";
import type { LiveChange, LiveChanges } from "../../domain/changes/live_changes.ts";
import type { Principal } from "../../domain/identity/mod.ts";
import { ALL_FUNCTIONS } from "../../domain/references.ts";
import { endsAnswer } from "../ended_rights.ts";
import { LIST_VOLUMES } from "../volumes/mod.ts";
import { rawOperation, Reply, type ServerSentEvent, type Uses } from "../operation.ts";

const WATCH_CHANGES = "invoked.ServerService.WatchChanges";
const EVENTS = "text/event-stream";
const change = z.object({
  kind: z.enum(["function", "commit", "invocation", "trigger", "volume"]),
  id: z.string().optional().openapi({ description: "Absent if several resources changed" }),
  functionId: z.string().optional(),
}).openapi("invoked.Change");

export const watchChanges = rawOperation({
  operationId: WATCH_CHANGES,
  route: "GET /api/v1/events",
  summary: "Stream the names of resources that change, as server-sent events",
  permission: "functions:read",
  concerns: () => ALL_FUNCTIONS,
  ofClient: true,
  answers: { 200: { description: "OK", content: { [EVENTS]: change } } },
  async handle({ principal, signal, checkAgain }, { liveChanges }: Uses<"liveChanges">) {
    const events = eventsOf(
      principal,
      checkAgain,
      (sees) => liveChanges.watch(principal.clientId, sees, signal()),
    );
    // Once the client has the head of the answer, it misses nothing.
    await events.next();
    return new Reply({ kind: "events", events });
  },
});

/**
 * What a caller sees of a change. A change that names no function, such as a change of several, is shown without names to
 * callers whose roles are narrowed: they look at their functions again.
 */
function seenBy({ access }: Principal, change: LiveChange): LiveChange | undefined {
  if (change.kind === "volume") return access.may(LIST_VOLUMES) ? change : undefined;
  const functions = access.functions(WATCH_CHANGES);
  if (functions === "all") return change;
  const functionId = change.kind === "function" ? change.id : change.functionId;
  if (functionId === undefined) return { kind: change.kind };
  return functions.has(functionId) ? change : undefined;
}

/** Ends once the credential of the request or the permission does: before the next event, or after a quiet time. */
async function* eventsOf(
  principal: Principal,
  checkAgain: () => Promise<Principal>,
  watch: (sees: (change: LiveChange) => LiveChange | undefined) => ReturnType<LiveChanges["watch"]>,
): AsyncGenerator<ServerSentEvent> {
  let by = principal;
  try {
    for await (const change of watch((one) => seenBy(by, one))) {
      by = await checkAgain();
      // Twice: the handler takes the first.
      if (change === "begun") yield { comment: change };
      if (typeof change === "string") yield { comment: change };
      else {
        // The rights of the caller may be others than when the change was noted.
        const seen = seenBy(by, change);
        if (seen !== undefined) yield { data: JSON.stringify(seen) };
      }
    }
  } catch (error) {
    if (!endsAnswer(error)) throw error;
  }
}
