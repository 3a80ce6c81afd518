import { z } from "@hono/zod-openapi";
import { PURGE_EXPIRED } from "../../domain/purges/expired.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";
import { int64Out, timestamp } from "../primitives.ts";

const expired = z.object({
  kind: z.string().openapi({ description: "Such as `invocations` or `audit_events`" }),
  setting: z.string().optional().openapi({
    description: "The setting from which the age comes, or a fixed age; only in a dry run",
  }),
  count: int64Out,
  oldest: timestamp.optional().openapi({
    description: "The time from which the age of the oldest counts; only in a dry run",
  }),
  newest: timestamp.optional().openapi({ description: "The same of the newest" }),
}).openapi("invoked.ExpiredData");

const purgeExpired = jsonOperation({
  operationId: PURGE_EXPIRED,
  route: "POST /api/v1/retention/purge",
  summary: "Permanently erase at once what is beyond its retention, or show what would be erased",
  permission: "identity:write",
  ofClient: true,
  destroys: true,
  audit: "own",
  body: z.object({
    dryRun: z.boolean().default(false).openapi({
      description: "Only return what the purge would erase",
    }),
  }).openapi("invoked.PurgeExpiredRequest"),
  response: z.object({
    list: z.array(expired).openapi({ description: "What was erased, or would be, by kind" }),
  }).openapi("invoked.PurgeExpiredResponse"),
  async handle({ body, principal }, { expiredData }: Uses<"expiredData">) {
    if (body.dryRun) {
      const found = await expiredData.preview();
      return { list: found.map(({ count, ...each }) => ({ ...each, count: String(count) })) };
    }
    const erased = await expiredData.purge(principal);
    return { list: Array.from(erased, ([kind, count]) => ({ kind, count: String(count) })) };
  },
});

/** See and erase what is beyond its retention. */
export const RETENTION_OPERATIONS: readonly Operation[] = [purgeExpired];
