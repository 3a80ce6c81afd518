import { z } from "@hono/zod-openapi";
import { ALL_FUNCTIONS } from "../../domain/references.ts";
import { jsonOperation } from "../operation.ts";
import { listOf, pageBody } from "../primitives.ts";
import { filterIn, filterOf, functionIdsIn } from "./filter.ts";
import { invocationAnswer, invocationJson, invocationOut, wholeInvocationJson } from "./schemas.ts";

export const getAnyInvocation = jsonOperation({
  operationId: "invoked.InvocationService.Get",
  method: "get",
  path: "/api/v1/invocations/{id}",
  summary: "Get an invocation of any function",
  permission: "read",
  params: z.object({ id: z.string() }),
  response: invocationAnswer,
  async handle({ params }, { invocations }) {
    const row = await invocations.getAny(params.id);
    return { invocation: wholeInvocationJson(row, await invocations.sentEnd(row.id)) };
  },
});

export const searchAllInvocations = jsonOperation({
  operationId: "invoked.InvocationSearchService.Search",
  method: "post",
  path: "/api/v1/search/invocations",
  summary: "Find invocations of all functions, newest first",
  permission: "read",
  body: z.object({ ...filterIn, functionIds: functionIdsIn, ...pageBody })
    .openapi("invoked.InvocationSearchRequest"),
  response: listOf(invocationOut),
  async handle({ body }, { invocations }) {
    const { pageSize, pageToken, ...filter } = body;
    const page = { pageSize, pageToken };
    const { list, nextPageToken } = await invocations.search(ALL_FUNCTIONS, filterOf(filter), page);
    return { list: list.map(invocationJson), nextPageToken };
  },
});
