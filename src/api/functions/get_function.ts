import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { functionJson, functionOut, idParam } from "./schemas.ts";

export const getFunction = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.GetFunction",
  method: "get",
  path: "/api/v1/functions/{id}",
  summary: "Get a function, even if it is deleted",
  permission: "functions:read",
  params: idParam,
  response: z.object({ function: functionOut }),
  async handle({ params }, { functions }: Uses<"functions">) {
    return { function: functionJson(await functions.get(params.id)) };
  },
});
