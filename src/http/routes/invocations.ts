import { z } from "@hono/zod-openapi";
import type { Domain } from "../../domain/mod.ts";
import { type App, endpoint } from "../endpoint.ts";
import {
  invocationJson,
  invocationOut,
  invocationStatus,
  statusOf,
} from "../../api/invocations/schemas.ts";
import {
  empty,
  listOf,
  pageBody,
  pageQuery,
  searchText,
  timestampIn,
} from "../../api/primitives.ts";

const SERVICE = "c1.api.functions.v1.FunctionsInvocationService";
const functionParam = z.object({ function_id: z.string() });
const invocationParams = z.object({ function_id: z.string(), id: z.string() });
const parent = z.string().optional().openapi({ description: "The invocation that made them" });

/** Read and cancel invocations. */
export function invocationRoutes(app: App, { invocations }: Domain, maxBodyBytes: number): void {
  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.List`,
    method: "get",
    path: "/api/v1/functions/{function_id}/invocations",
    summary: "List the invocations of a function, or of all (-), newest first",
    params: functionParam,
    query: pageQuery.extend({ parent_invocation_id: parent }),
    response: listOf(invocationOut),
  }, async ({ params, query }) => {
    const page = { pageSize: query.page_size, pageToken: query.page_token };
    const filter = { parentInvocationId: query.parent_invocation_id };
    const { list, nextPageToken } = await invocations.search(params.function_id, filter, page);
    return { list: list.map(invocationJson), nextPageToken };
  });

  endpoint(app, maxBodyBytes, {
    operationId: "c1.api.functions.v1.FunctionsInvocationSearchService.Search",
    method: "post",
    path: "/api/v1/functions/{function_id}/invocations/search",
    summary: "Find invocations by status, time, caller, or text in input, output or error",
    right: "read",
    params: functionParam,
    body: z.object({
      status: invocationStatus.optional(),
      since: timestampIn.optional().openapi({ description: "Inclusive" }),
      until: timestampIn.optional().openapi({ description: "Exclusive" }),
      query: searchText.optional(),
      parentInvocationId: parent,
      ...pageBody,
    }).openapi("c1.api.functions.v1.FunctionsInvocationSearchRequest"),
    response: listOf(invocationOut),
  }, async ({ params, body }) => {
    const { since, until, query, parentInvocationId } = body;
    const status = body.status === undefined ? undefined : statusOf(body.status);
    const filter = { status, since, until, query, parentInvocationId };
    const { list, nextPageToken } = await invocations.search(params.function_id, filter, {
      pageSize: body.pageSize,
      pageToken: body.pageToken,
    });
    return { list: list.map(invocationJson), nextPageToken };
  });

  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.Get`,
    method: "get",
    path: "/api/v1/functions/{function_id}/invocations/{id}",
    summary: "Get an invocation",
    params: invocationParams,
    response: z.object({ invocation: invocationOut }),
  }, async ({ params }) => ({
    invocation: invocationJson(await invocations.get(params.function_id, params.id)),
  }));

  endpoint(app, maxBodyBytes, {
    operationId: "invoked.InvocationService.Cancel",
    method: "post",
    path: "/api/v1/functions/{function_id}/invocations/{id}/cancel",
    summary: "Kill an invocation; one that has ended stays as it is",
    right: "invoke",
    params: invocationParams,
    body: empty,
    response: z.object({ invocation: invocationOut }),
  }, async ({ params }) => ({
    invocation: invocationJson(await invocations.cancel(params.function_id, params.id)),
  }));
}
