import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { preconditionHeaders, readPreconditions } from "../preconditions.ts";
import { functionJson, functionOut, functionParam } from "./schemas.ts";

export const rollBackFunction = jsonOperation({
  operationId: "invoked.FunctionService.RollBack",
  method: "post",
  path: "/api/v1/functions/{function_id}/rollback",
  summary:
    "Publish the previously published commit again; each further roll-back goes back one more publish",
  permission: "functions:write",
  params: functionParam,
  headers: preconditionHeaders,
  body: z.object({
    commitId: z.string().default("").openapi({
      description:
        "Id, HEAD or tag of the commit to publish again; the next roll-back continues from the " +
        "last publish of this commit",
    }),
  }).openapi("invoked.RollBackRequest"),
  response: z.object({ function: functionOut }),
  async handle({ params, headers, body, principal }, { functions }: Uses<"functions">) {
    const preconditions = readPreconditions(headers);
    const { function_id: id } = params;
    const fn = await functions.rollBack(principal, id, body.commitId, preconditions);
    return { function: functionJson(fn) };
  },
});
