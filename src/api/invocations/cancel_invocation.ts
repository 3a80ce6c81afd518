import { jsonOperation, type Uses } from "../operation.ts";
import { empty } from "../primitives.ts";
import { invocationAnswer, invocationJson, invocationParams } from "./schemas.ts";

export const cancelInvocation = jsonOperation({
  operationId: "invoked.InvocationService.Cancel",
  method: "post",
  path: "/api/v1/functions/{function_id}/invocations/{id}/cancel",
  summary: "Cancel an invocation; an invocation that has ended does not change",
  permission: "functions:invoke",
  audit: "call",
  destroys: true,
  params: invocationParams,
  body: empty,
  response: invocationAnswer,
  async handle({ params }, { invocations }: Uses<"invocations">) {
    return { invocation: invocationJson(await invocations.cancel(params.function_id, params.id)) };
  },
});
