import { z } from "@hono/zod-openapi";
import { ALL_FUNCTIONS } from "../../domain/references.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { listOf, pageBody, searchText } from "../primitives.ts";
import { functionJson, functionOut } from "./schemas.ts";
import { functionType } from "./settings.ts";

export const searchFunctions = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsSearch.Search",
  method: "post",
  path: "/api/v1/search/functions",
  summary: "Find functions by text in display name or description, by id, or by type",
  permission: "functions:read",
  concerns: () => ALL_FUNCTIONS,
  body: z.object({
    query: searchText.default(""),
    functionTypes: z.array(functionType).default([])
      .transform((types) => types.filter((type) => type !== "FUNCTION_TYPE_UNSPECIFIED")),
    ...pageBody,
  }).openapi("c1.api.functions.v1.FunctionsSearchRequest"),
  response: listOf(functionOut),
  async handle({ body, functions: within }, { functions }: Uses<"functions">) {
    const { list, nextPageToken } = await functions.search({ ...body, within }, body);
    return { list: list.map(functionJson), nextPageToken };
  },
});
