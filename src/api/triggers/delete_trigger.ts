import { jsonOperation, type Uses } from "../operation.ts";
import { empty } from "../primitives.ts";
import { triggerParam } from "./schemas.ts";

export const deleteTrigger = jsonOperation({
  operationId: "invoked.TriggerService.DeleteTrigger",
  method: "delete",
  path: "/api/v1/functions/{function_id}/triggers/{id}",
  summary: "Delete a trigger and its deliveries, and keep its invocations",
  permission: "functions:write",
  params: triggerParam,
  body: empty,
  response: empty,
  async handle({ params }, { triggers }: Uses<"triggers">) {
    await triggers.delete(params.function_id, params.id);
    return {};
  },
});
