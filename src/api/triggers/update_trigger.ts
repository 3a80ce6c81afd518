import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { fieldMask } from "../primitives.ts";
import { madeTriggerJson, madeTriggerOut } from "./answers.ts";
import { assertMayAttach } from "./attach.ts";
import { triggerIn, triggerParam } from "./schemas.ts";

export const updateTrigger = jsonOperation({
  operationId: "invoked.TriggerService.UpdateTrigger",
  method: "patch",
  path: "/api/v1/functions/{function_id}/triggers/{id}",
  summary: "Change the masked fields of a trigger, such as paused or schedule.cronSpec",
  permission: "functions:write",
  params: triggerParam,
  body: z.object({ trigger: triggerIn, updateMask: fieldMask.optional() })
    .openapi("invoked.UpdateTriggerRequest"),
  response: madeTriggerOut,
  async handle({ params, body, principal }, { triggers }: Uses<"triggers">) {
    const { trigger, updateMask } = body;
    assertMayAttach(principal, [trigger]);
    const made = await triggers.update(params.function_id, params.id, trigger, updateMask);
    return madeTriggerJson(made, triggers);
  },
});
