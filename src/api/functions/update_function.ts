import { z } from "@hono/zod-openapi";
import { commitMessageIn } from "../commits/schemas.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { fieldMask, filesIn } from "../primitives.ts";
import { functionAndCommit, functionAndCommitJson, functionIn } from "./schemas.ts";

export const updateFunction = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.UpdateFunction",
  method: "post",
  path: "/api/v1/functions/update",
  summary: "Change the masked fields, and create a head commit if the request has content",
  permission: "functions:write",
  concerns: ({ body }) => body.function.id,
  body: z.object({
    function: functionIn,
    updateMask: fieldMask.optional(),
    content: filesIn.optional(),
    commitMessage: commitMessageIn,
  }).openapi("c1.api.functions.v1.FunctionsServiceUpdateFunctionRequest"),
  response: functionAndCommit,
  async handle({ body, principal }, { functions }: Uses<"functions">) {
    const { function: { id, ...change }, updateMask: mask, content, commitMessage } = body;
    const update = { id, change, mask, content, commitMessage };
    return functionAndCommitJson(await functions.update(principal, update));
  },
});
