import { jsonOperation, type Uses } from "../operation.ts";
import { invocationAnswer, invocationParams, wholeInvocationJson } from "./schemas.ts";

export const getInvocation = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsInvocationService.Get",
  method: "get",
  path: "/api/v1/functions/{function_id}/invocations/{id}",
  summary: "Get an invocation",
  permission: "functions:read",
  params: invocationParams,
  response: invocationAnswer,
  async handle({ params }, services: Uses<"invocations" | "traceUrl">) {
    const row = await services.invocations.get(params.function_id, params.id);
    return { invocation: await wholeInvocationJson(row, services) };
  },
});
