import { jsonOperation } from "../operation.ts";
import { invocationAnswer, invocationJson, invocationParams } from "./schemas.ts";

export const getInvocation = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsInvocationService.Get",
  method: "get",
  path: "/api/v1/functions/{function_id}/invocations/{id}",
  summary: "Get an invocation",
  permission: "read",
  params: invocationParams,
  response: invocationAnswer,
  async handle({ params }, { invocations }) {
    return { invocation: invocationJson(await invocations.get(params.function_id, params.id)) };
  },
});
