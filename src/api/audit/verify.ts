import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { int64Out } from "../primitives.ts";

const hashIn = z.string().regex(/^[0-9a-f]{64}$/, {
  error: "must be a SHA-256 in 64 lower-case hexadecimal digits, as an earlier answer had it",
});

export const verifyLog = jsonOperation({
  operationId: "invoked.AuditService.Verify",
  method: "post",
  path: "/api/v1/systemlog/verify",
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
