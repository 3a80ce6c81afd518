import { jsonOperation, type Uses } from "../operation.ts";
import { bytesIn, empty, int32Out } from "../primitives.ts";
import { invocationAnswer, invocationJson } from "./schemas.ts";
import { z } from "@hono/zod-openapi";
import { bulkFilterIn, filterOf } from "./filter.ts";

export const cancelInvocation = jsonOperation({
  operationId: "invoked.InvocationService.Cancel",
  route: "POST /api/v1/functions/{function_id}/invocations/{id}/cancel",
  summary: "Cancel an invocation; an invocation that has ended does not change",
  permission: "functions:invoke",
  audit: "call",
  destroys: true,
  body: empty,
  response: invocationAnswer,
  async handle({ params }, { invocations }: Uses<"invocations">) {
    return { invocation: invocationJson(await invocations.cancel(params.function_id, params.id)) };
  },
});

/** The differences from the replayed invocation. */
export const replayIn = z.object({
  json: bytesIn.optional().openapi({ description: "Another input; absent: the same" }),
  commitId: z.string().default("").openapi({
    description: "Id, HEAD or refs/tags/<name>; empty: the same commit",
  }),
}).openapi("invoked.ReplayRequest");

export const replayInvocation = jsonOperation({
  operationId: "invoked.InvocationService.Replay",
  route: "POST /api/v1/functions/{function_id}/invocations/{id}/replay",
  summary: "Repeat an invocation asynchronously",
  permission: "functions:invoke",
  // Its invocation is the record.
  audit: "none",
  body: replayIn,
  response: z.object({ invocationId: z.string() }),
  async handle({ params, body, principal }, { replays }: Uses<"replays">) {
    const { function_id, id } = params;
    return { invocationId: await replays.replay(principal, function_id, id, body) };
  },
});

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
  route: "POST /api/v1/functions/{function_id}/invocations/replay",
  summary:
    "Replay the ended invocations that a filter selects, of a function or of all functions (-)",
  permission: "functions:invoke",
  audit: "call",
  destroys: true,
  body: bulkIn,
  response: bulkOut,
  async handle({ params, body, principal }, { bulk }: Uses<"bulk">) {
    const { filter, dryRun } = body;
    return await bulk.replay(principal, params.function_id, filterOf(filter), dryRun);
  },
});

export const cancelInvocations = jsonOperation({
  operationId: "invoked.InvocationService.BulkCancel",
  route: "POST /api/v1/functions/{function_id}/invocations/cancel",
  summary: "Cancel the invocations that a filter selects, of a function or of all functions (-)",
  permission: "functions:invoke",
  audit: "call",
  destroys: true,
  body: bulkIn,
  response: bulkOut,
  async handle({ params, body }, { bulk }: Uses<"bulk">) {
    return await bulk.cancel(params.function_id, filterOf(body.filter), body.dryRun);
  },
});
