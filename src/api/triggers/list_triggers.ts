import { functionParam } from "../functions/schemas.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { listOf, pageOf, pageQuery } from "../primitives.ts";
import { triggerJson, triggerOut } from "./answers.ts";

export const listTriggers = jsonOperation({
  operationId: "invoked.TriggerService.ListTriggers",
  method: "get",
  path: "/api/v1/functions/{function_id}/triggers",
  summary: "List the triggers of a function, newest first",
  permission: "functions:read",
  params: functionParam,
  query: pageQuery,
  response: listOf(triggerOut),
  async handle({ params, query }, { triggers }: Uses<"triggers">) {
    const { list, nextPageToken } = await triggers.list(params.function_id, pageOf(query));
    return { list: list.map(triggerJson), nextPageToken };
  },
});
