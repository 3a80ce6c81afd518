import { functionParam } from "../functions/schemas.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { listOf, pageOf, pageQuery } from "../primitives.ts";
import { invocationOut, parentInvocationId } from "./schemas.ts";
import { searchPage, viewIn } from "./view.ts";

export const listInvocations = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsInvocationService.List",
  method: "get",
  path: "/api/v1/functions/{function_id}/invocations",
  summary: "List the invocations of a function, or of all functions (-), newest first",
  permission: "functions:read",
  concerns: ({ params }) => params.function_id,
  params: functionParam,
  query: pageQuery.extend({ parent_invocation_id: parentInvocationId, view: viewIn }),
  response: listOf(invocationOut),
  async handle({ params, query, functions }, { searches }: Uses<"searches">) {
    const filter = { parentInvocationId: query.parent_invocation_id };
    const page = { ...pageOf(query), view: query.view };
    return await searchPage(searches, params.function_id, filter, page, functions);
  },
});
