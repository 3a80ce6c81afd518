import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { int64Out, listOf, pageBody, timestampIn } from "../primitives.ts";
import { enumWords } from "../../resources/words.ts";

/** An OCSF event. */
export const eventOut = z.looseObject({}).openapi({
  type: "object",
  additionalProperties: true,
  description: "An OCSF 1.3 event: API Activity (6003) or Authentication (3002)",
});

/** The API's form of events. */
export function eventsJson(texts: readonly string[]): z.input<typeof eventOut>[] {
  return texts.map((text) => JSON.parse(text));
}

/** Longest text of a filter. */
const FILTER_CHARS_MAX = 256;

const filterIn = z.string().max(FILTER_CHARS_MAX);

const listEvents = jsonOperation({
  operationId: "c1.api.systemlog.v1.SystemLogService.ListEvents",
  route: "POST /api/v1/systemlog/events",
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
    sortDirection: z.enum(enumWords("SORT_DIRECTION", "ASC", "DESC")).optional(),
    actor: filterIn.optional().openapi({ description: "Id or display name of a principal" }),
    operation: filterIn.optional().openapi({
      description: "Id of an operation, or its last part, such as `UpdateFunction`",
    }),
    resource: filterIn.optional().openapi({
      description: "Id or name that the event has, such as that of a resource",
    }),
    outcome: z.enum(enumWords("EVENT_OUTCOME", "SUCCESS", "FAILURE")).optional().openapi({
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

const hashIn = z.string().regex(/^[0-9a-f]{64}$/, {
  error: "must be a SHA-256 in 64 lower-case hexadecimal digits, as an earlier answer had it",
});

const verifyLog = jsonOperation({
  operationId: "invoked.AuditService.Verify",
  route: "POST /api/v1/systemlog/verify",
  summary: "Check the hash chain of the audit log, and name each event that does not belong to it",
  permission: "log:read",
  body: z.object({
    head: hashIn.optional().openapi({
      description: "`hash` of an earlier head: a chain without it was cut or replaced since",
    }),
  }).openapi("invoked.VerifyAuditLogRequest"),
  response: z.object({
    head: z.object({ sequence: int64Out, eventUid: z.string(), hash: z.string() }).openapi({
      description: "The last event of the chain. Keep its hash elsewhere to find a later cut",
    }),
    erasedUpTo: int64Out.openapi({ description: "The last event that retention has erased" }),
    events: int64Out.openapi({ description: "Events that were checked" }),
    findings: z.array(z.object({
      kind: z.enum(["changed", "missing", "reordered", "inserted", "cut"]),
      eventUid: z.string().openapi({ description: "`metadata.uid` of the event" }),
      sequence: int64Out,
      description: z.string(),
    })).openapi({ description: "Empty for a chain that is intact; at most 100" }),
  }).openapi("invoked.VerifyAuditLogResponse"),
  async handle({ body, signal }, { auditVerification }: Uses<"auditVerification">) {
    const { head, events, findings } = await auditVerification.run(body.head, signal());
    return {
      head: { sequence: String(head.seq), eventUid: head.uid, hash: head.hash },
      erasedUpTo: String(head.baseSeq),
      events: String(events),
      findings: findings.map((finding) => ({ ...finding, sequence: String(finding.sequence) })),
    };
  },
});

/** Read and check the audit log. */
export const AUDIT_OPERATIONS = [listEvents, verifyLog];
