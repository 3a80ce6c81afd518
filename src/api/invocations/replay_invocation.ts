import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { bytesIn } from "../primitives.ts";
import { invocationParams } from "./schemas.ts";

/** The differences from the replayed invocation. */
export const replayIn = z.object({
  json: bytesIn.optional().openapi({ description: "Another input; absent: the same" }),
  commitId: z.string().default("").openapi({
    description: "Id, HEAD or refs/tags/<name>; empty: the same commit",
  }),
}).openapi("invoked.ReplayRequest");

export const replayInvocation = jsonOperation({
  operationId: "invoked.InvocationService.Replay",
  method: "post",
  path: "/api/v1/functions/{function_id}/invocations/{id}/replay",
  summary: "Repeat an invocation asynchronously",
  permission: "functions:invoke",
  // Its invocation is the record.
  audit: "none",
  params: invocationParams,
  body: replayIn,
  response: z.object({ invocationId: z.string() }),
  async handle({ params, body, principal }, { replays }: Uses<"replays">) {
    const { function_id, id } = params;
    return { invocationId: await replays.replay(principal, function_id, id, body) };
  },
});
