import { z } from "@hono/zod-openapi";
import type { Domain } from "../../domain/mod.ts";
import { type App, endpoint } from "../endpoint.ts";
import { commitJson, commitMessageIn, commitOut } from "../../api/commits/schemas.ts";
import {
  createFunctionIn,
  functionIn,
  functionJson,
  functionOut,
  functionType,
} from "../../api/functions/schemas.ts";
import {
  empty,
  fieldMask,
  filesIn,
  listOf,
  pageBody,
  pageQuery,
  searchText,
} from "../../api/primitives.ts";

const SERVICE = "c1.api.functions.v1.FunctionsService";
const idParam = z.object({ id: z.string() });
const functionAndCommit = z.object({ function: functionOut, commit: commitOut.optional() });

/** Create, read, find, change and delete functions. */
export function functionRoutes(app: App, { functions }: Domain, maxBodyBytes: number): void {
  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.ListFunctions`,
    method: "get",
    path: "/api/v1/functions",
    summary: "List functions, newest first",
    query: pageQuery,
    response: listOf(functionOut),
  }, async ({ query }) => {
    const page = { pageSize: query.page_size, pageToken: query.page_token };
    const { list, nextPageToken } = await functions.search({ query: "", functionTypes: [] }, page);
    return { list: list.map(functionJson), nextPageToken };
  });

  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.CreateFunction`,
    method: "post",
    path: "/api/v1/functions",
    summary: "Create a function, and its first commit where content is given",
    body: createFunctionIn,
    response: functionAndCommit,
  }, async ({ body, principal }) => {
    const created = await functions.create(principal, body);
    return bothJson(created);
  });

  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.UpdateFunction`,
    method: "post",
    path: "/api/v1/functions/update",
    summary: "Change the masked fields; make a new head commit where content is given",
    body: z.object({
      function: functionIn,
      updateMask: fieldMask.optional(),
      content: filesIn.optional(),
      commitMessage: commitMessageIn,
    }).openapi("c1.api.functions.v1.FunctionsServiceUpdateFunctionRequest"),
    response: functionAndCommit,
  }, async ({ body, principal }) => {
    const { id, ...change } = body.function;
    const { updateMask: mask, content, commitMessage } = body;
    return bothJson(
      await functions.update(principal, { id, change, mask, content, commitMessage }),
    );
  });

  endpoint(app, maxBodyBytes, {
    operationId: "c1.api.functions.v1.FunctionsSearch.Search",
    method: "post",
    path: "/api/v1/search/functions",
    summary: "Find functions by text in display name or description, by id, or by type",
    right: "read",
    body: z.object({
      query: searchText.default(""),
      functionTypes: z.array(functionType).default([]),
      ...pageBody,
    }).openapi("c1.api.functions.v1.FunctionsSearchRequest"),
    response: listOf(functionOut),
  }, async ({ body }) => {
    const { list, nextPageToken } = await functions.search(body, body);
    return { list: list.map(functionJson), nextPageToken };
  });

  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.GetFunction`,
    method: "get",
    path: "/api/v1/functions/{id}",
    summary: "Get a function, also a deleted one",
    params: idParam,
    response: z.object({ function: functionOut }),
  }, async ({ params }) => ({ function: functionJson(await functions.get(params.id)) }));

  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.DeleteFunction`,
    method: "delete",
    path: "/api/v1/functions/{id}",
    summary: "Delete a function; its commits and invocations stay readable",
    params: idParam,
    body: empty,
    response: empty,
  }, async ({ params }) => {
    await functions.delete(params.id);
    return {};
  });
}

function bothJson({ fn, commit }: Awaited<ReturnType<Domain["functions"]["create"]>>) {
  return {
    function: functionJson(fn),
    ...commit === undefined ? {} : { commit: commitJson(commit) },
  };
}
