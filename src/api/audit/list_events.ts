import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { listOf, pageBody, timestampIn } from "../primitives.ts";
import { eventOut, eventsJson, filterIn } from "./schemas.ts";

const SORT_DIRECTIONS = [
  "SORT_DIRECTION_UNSPECIFIED",
  "SORT_DIRECTION_ASC",
  "SORT_DIRECTION_DESC",
] as const;

const OUTCOMES = [
  "EVENT_OUTCOME_UNSPECIFIED",
  "EVENT_OUTCOME_SUCCESS",
  "EVENT_OUTCOME_FAILURE",
] as const;

export const listEvents = jsonOperation({
  operationId: "c1.api.systemlog.v1.SystemLogService.ListEvents",
  method: "post",
  path: "/api/v1/systemlog/events",
  summary: "List the events of the audit log in the order of the chain, oldest first by default",
  permission: "log:read",
  body: z.object({
    ...pageBody,
    since: timestampIn.optional().openapi({ description: "Events of this time or later" }),
    until: timestampIn.optional().openapi({ description: "Events before this time" }),
    sinceEventUid: z.string().optional().openapi({ description: "Events after this event" }),
    untilEventUid: z.string().optional().openapi({
      description: "Events up to this event, which is included",
    }),
    sortDirection: z.enum(SORT_DIRECTIONS).optional(),
    actor: filterIn.optional().openapi({ description: "Id or display name of a principal" }),
    operation: filterIn.optional().openapi({
      description: "Id of an operation, or its last part, such as `UpdateFunction`",
    }),
    resource: filterIn.optional().openapi({
      description: "Id or name that the event has, such as that of a resource",
    }),
    outcome: z.enum(OUTCOMES).optional().openapi({
      description: "Whether the call or the sign-in succeeded",
    }),
  }).openapi("c1.api.systemlog.v1.SystemLogServiceListEventsRequest"),
  response: listOf(eventOut),
  async handle({ body }, { auditLog }: Uses<"auditLog">) {
    const { pageSize, pageToken, sortDirection, actor, operation, resource, outcome, ...range } =
      body;
    const listing = {
      ...range,
      actor: actor || undefined,
      operation: operation || undefined,
      resource: resource || undefined,
      hasFailed: outcome === undefined || outcome === "EVENT_OUTCOME_UNSPECIFIED"
        ? undefined
        : outcome === "EVENT_OUTCOME_FAILURE",
      direction: sortDirection === "SORT_DIRECTION_DESC" ? "desc" : "asc",
    } as const;
    const { list, nextPageToken } = await auditLog.list(listing, { pageSize, pageToken });
    return { list: eventsJson(list), nextPageToken };
  },
});
