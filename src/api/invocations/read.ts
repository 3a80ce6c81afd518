/** How much of each invocation a list answers: https://google.aip.dev/157. */
import { z } from "@hono/zod-openapi";
import type { InvocationFilter, InvocationSearches } from "../../domain/invocations/searches.ts";
import type { FunctionScope } from "../../domain/identity/mod.ts";
import type { ListPage, PageQuery } from "../../domain/paging.ts";
import { idsWithin } from "../scope.ts";
import {
  invocationAnswer,
  invocationJson,
  invocationOut,
  overviewJson,
  parentInvocationId,
  wholeInvocationJson,
} from "./schemas.ts";
import { listOf, pageBody, pageJson, pageOf, pageQuery, textIn } from "../primitives.ts";
import { enumWords } from "../../resources/words.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { filterIn, filterOf, functionIdsIn } from "./filter.ts";
import { ALL_FUNCTIONS } from "../../domain/references.ts";

/** The field of a list of invocations. */
const viewIn = z.enum(enumWords("INVOCATION_VIEW", "BASIC", "FULL")).optional()
  .openapi("invoked.InvocationView", {
    description: "INVOCATION_VIEW_BASIC leaves out `input`, `output`, `http.requestBody`, " +
      "`attempts`, `phases`, `usage`, `egress` and `limits`, has `inputPreview`, and cuts " +
      "`error` after 300 characters; everything by default",
  });

/** A page of invocations as the view shows them. */
async function searchPage(
  searches: InvocationSearches,
  functionId: string,
  selection: InvocationFilter,
  { view, ...page }: PageQuery & { readonly view?: z.infer<typeof viewIn> },
  /** The functions that the caller may see. */
  within: FunctionScope,
): Promise<ListPage<z.input<typeof invocationOut>>> {
  const filter = { ...selection, functionIds: idsWithin(selection.functionIds, within) };
  if (view === "INVOCATION_VIEW_BASIC") {
    return pageJson(await searches.overview(functionId, filter, page), overviewJson);
  }
  return pageJson(await searches.whole(functionId, filter, page), invocationJson);
}

export const listInvocations = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsInvocationService.List",
  route: "GET /api/v1/functions/{function_id}/invocations",
  summary: "List the invocations of a function, or of all functions (-), newest first",
  permission: "functions:read",
  concerns: ({ params }) => params.function_id,
  query: pageQuery.extend({ parent_invocation_id: parentInvocationId, view: viewIn }),
  response: listOf(invocationOut),
  async handle({ params, query, functions }, { searches }: Uses<"searches">) {
    const filter = { parentInvocationId: query.parent_invocation_id };
    const page = { ...pageOf(query), view: query.view };
    return await searchPage(searches, params.function_id, filter, page, functions);
  },
});

export const searchInvocations = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsInvocationSearchService.Search",
  route: "POST /api/v1/functions/{function_id}/invocations/search",
  summary: "Find invocations by status, time, caller, or text in input, output, error or log lines",
  permission: "functions:read",
  concerns: ({ params }) => params.function_id,
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

export const getInvocation = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsInvocationService.Get",
  route: "GET /api/v1/functions/{function_id}/invocations/{id}",
  summary: "Get an invocation",
  permission: "functions:read",
  response: invocationAnswer,
  async handle({ params }, services: Uses<"invocations" | "traceUrl">) {
    const row = await services.invocations.get(params.function_id, params.id);
    return { invocation: await wholeInvocationJson(row, services) };
  },
});

export const getAnyInvocation = jsonOperation({
  operationId: "invoked.InvocationService.Get",
  route: "GET /api/v1/invocations/{id}",
  summary: "Get an invocation of any function",
  permission: "functions:read",
  concerns: () => ALL_FUNCTIONS,
  response: invocationAnswer,
  async handle({ params, functions }, services: Uses<"invocations" | "traceUrl">) {
    const row = await services.invocations.getAny(params.id, functions);
    return { invocation: await wholeInvocationJson(row, services) };
  },
});

export const searchAllInvocations = jsonOperation({
  operationId: "invoked.InvocationSearchService.Search",
  route: "POST /api/v1/search/invocations",
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
