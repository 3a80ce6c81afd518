import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { fieldMask } from "../primitives.ts";
import { functionIn } from "./schemas.ts";

export const checkFunction = jsonOperation({
  operationId: "invoked.FunctionService.CheckFunction",
  method: "post",
  path: "/api/v1/functions/check",
  summary: "Validate the settings of a function without changing anything",
  permission: "functions:write",
  concerns: ({ body }) => body.function.id,
  // It changes nothing.
  audit: "none",
  body: z.object({
    function: functionIn.extend({
      id: functionIn.shape.id.optional().openapi({ description: "Absent for a new function" }),
    }),
    updateMask: fieldMask.optional().openapi({
      description: "Mask of the changes to an existing function",
    }),
  }).openapi("invoked.CheckFunctionRequest"),
  response: z.object({}),
  async handle(
    { body: { function: { id, ...change }, updateMask }, principal },
    { functions }: Uses<"functions">,
  ) {
    await functions.check(principal, id, change, updateMask);
    return {};
  },
});
