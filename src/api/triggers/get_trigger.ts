import { jsonOperation, type Uses } from "../operation.ts";
import { triggerAnswer, triggerJson } from "./answers.ts";
import { triggerParam } from "./schemas.ts";

export const getTrigger = jsonOperation({
  operationId: "invoked.TriggerService.GetTrigger",
  method: "get",
  path: "/api/v1/functions/{function_id}/triggers/{id}",
  summary: "Get a trigger with its last run and, for a schedule, the next runs",
  permission: "functions:read",
  params: triggerParam,
  response: triggerAnswer,
  async handle({ params }, { triggers }: Uses<"triggers">) {
    return { trigger: triggerJson(await triggers.get(params.function_id, params.id)) };
  },
});
