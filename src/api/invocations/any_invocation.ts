import { z } from "@hono/zod-openapi";
import { ALL_FUNCTIONS } from "../../domain/references.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { listOf, pageBody } from "../primitives.ts";
import { filterIn, filterOf, functionIdsIn } from "./filter.ts";
import { invocationAnswer, invocationOut, wholeInvocationJson } from "./schemas.ts";
import { searchPage, viewIn } from "./view.ts";

export const getAnyInvocation = jsonOperation({
  operationId: "invoked.InvocationService.Get",
  method: "get",
  path: "/api/v1/invocations/{id}",
  summary: "Get an invocation of any function",
  permission: "functions:read",
  concerns: () => ALL_FUNCTIONS,
  params: z.object({ id: z.string() }),
  response: invocationAnswer,
  async handle({ params, functions }, services: Uses<"invocations" | "traceUrl">) {
    const row = await services.invocations.getAny(params.id, functions);
    return { invocation: await wholeInvocationJson(row, services) };
  },
});

export const searchAllInvocations = jsonOperation({
  operationId: "invoked.InvocationSearchService.Search",
  method: "post",
  path: "/api/v1/search/invocations",
  summary: "Find invocations of all functions, newest first",
  permission: "functions:read",
  concerns: () => ALL_FUNCTIONS,
  body: z.object({ ...filterIn, functionIds: functionIdsIn, view: viewIn, ...pageBody })
    .openapi("invoked.InvocationSearchRequest"),
  response: listOf(invocationOut),
  async handle({ body, functions }, { searches }: Uses<"searches">) {
    const { pageSize, pageToken, view, ...filter } = body;
    const page = { pageSize, pageToken, view };
    return await searchPage(searches, ALL_FUNCTIONS, filterOf(filter), page, functions);
  },
});
