import { z } from "@hono/zod-openapi";
import { functionParam } from "../functions/schemas.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { int32Out } from "../primitives.ts";
import { bulkFilterIn, filterOf } from "./filter.ts";

/** What an operation on many invocations takes. */
export const bulkIn = z.object({
  filter: bulkFilterIn.default({}),
  dryRun: z.boolean().default(false).openapi({
    description: "Only count the matching invocations",
  }),
}).openapi("invoked.BulkRequest");

/** The result of an operation on many invocations. */
export const bulkOut = z.object({
  count: int32Out,
  skipped: int32Out.openapi({
    description: "Invocations that could not be replayed, cancelled or dropped",
  }),
}).openapi("invoked.BulkResponse");

export const replayInvocations = jsonOperation({
  operationId: "invoked.InvocationService.BulkReplay",
  method: "post",
  path: "/api/v1/functions/{function_id}/invocations/replay",
  summary:
    "Replay the ended invocations that a filter selects, of a function or of all functions (-)",
  permission: "functions:invoke",
  audit: "call",
  destroys: true,
  params: functionParam,
  body: bulkIn,
  response: bulkOut,
  async handle({ params, body, principal }, { bulk }: Uses<"bulk">) {
    const { filter, dryRun } = body;
    return await bulk.replay(principal, params.function_id, filterOf(filter), dryRun);
  },
});

export const cancelInvocations = jsonOperation({
  operationId: "invoked.InvocationService.BulkCancel",
  method: "post",
  path: "/api/v1/functions/{function_id}/invocations/cancel",
  summary: "Cancel the invocations that a filter selects, of a function or of all functions (-)",
  permission: "functions:invoke",
  audit: "call",
  destroys: true,
  params: functionParam,
  body: bulkIn,
  response: bulkOut,
  async handle({ params, body }, { bulk }: Uses<"bulk">) {
    return await bulk.cancel(params.function_id, filterOf(body.filter), body.dryRun);
  },
});
