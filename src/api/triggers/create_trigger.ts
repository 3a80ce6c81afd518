import { z } from "@hono/zod-openapi";
import { functionParam } from "../functions/schemas.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { madeTriggerJson, madeTriggerOut } from "./answers.ts";
import { assertMayAttach } from "./attach.ts";
import { triggerIn } from "./schemas.ts";

export const createTrigger = jsonOperation({
  operationId: "invoked.TriggerService.CreateTrigger",
  method: "post",
  path: "/api/v1/functions/{function_id}/triggers",
  summary: "Create a trigger; a generated secret is returned once",
  permission: "functions:write",
  params: functionParam,
  body: z.object({ trigger: triggerIn }).openapi("invoked.CreateTriggerRequest"),
  response: madeTriggerOut,
  async handle({ params, body, principal }, { triggers }: Uses<"triggers">) {
    assertMayAttach(principal, [body.trigger]);
    return madeTriggerJson(await triggers.create(params.function_id, body.trigger), triggers);
  },
});
