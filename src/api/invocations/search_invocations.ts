import { z } from "@hono/zod-openapi";
import { functionParam } from "../functions/schemas.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { listOf, pageBody, textIn } from "../primitives.ts";
import { filterIn, filterOf } from "./filter.ts";
import { invocationJson, invocationOut } from "./schemas.ts";
import { searchPage, viewIn } from "./view.ts";

export const searchInvocations = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsInvocationSearchService.Search",
  method: "post",
  path: "/api/v1/functions/{function_id}/invocations/search",
  summary: "Find invocations by status, time, caller, or text in input, output, error or log lines",
  permission: "functions:read",
  concerns: ({ params }) => params.function_id,
  params: functionParam,
  body: z.object({
    ...filterIn,
    idempotencyKey: textIn.optional().openapi({
      description:
        "Only the invocation that you started with this idempotency key; other filters are ignored",
    }),
    view: viewIn,
    ...pageBody,
  }).openapi("c1.api.functions.v1.FunctionsInvocationSearchRequest"),
  response: listOf(invocationOut),
  async handle(
    { params, body, principal, functions },
    { invocations, searches }: Uses<"invocations" | "searches">,
  ) {
    const { idempotencyKey, pageSize, pageToken, view, ...filter } = body;
    if (idempotencyKey) {
      const found = await invocations.ofIdempotencyKey(
        principal,
        params.function_id,
        idempotencyKey,
      );
      return { list: found.map(invocationJson), nextPageToken: "" };
    }
    const page = { pageSize, pageToken, view };
    return await searchPage(searches, params.function_id, filterOf(filter), page, functions);
  },
});
