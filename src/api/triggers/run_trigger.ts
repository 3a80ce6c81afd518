import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { empty } from "../primitives.ts";
import { triggerParam } from "./schemas.ts";

export const runTrigger = jsonOperation({
  operationId: "invoked.TriggerService.RunTrigger",
  method: "post",
  path: "/api/v1/functions/{function_id}/triggers/{id}/run",
  summary: "Run a schedule now, without changing its next runs",
  permission: "functions:invoke",
  // Its invocation is the record.
  audit: "none",
  params: triggerParam,
  body: empty,
  response: z.object({ invocationId: z.string() }),
  async handle({ params }, { schedules }: Uses<"schedules">) {
    return { invocationId: await schedules.runNow(params.function_id, params.id) };
  },
});
