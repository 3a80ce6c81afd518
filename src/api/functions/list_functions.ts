import { ALL_FUNCTIONS } from "../../domain/references.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { listOf, pageOf, pageQuery } from "../primitives.ts";
import { functionJson, functionOut } from "./schemas.ts";

export const listFunctions = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.ListFunctions",
  method: "get",
  path: "/api/v1/functions",
  summary: "List functions, newest first",
  permission: "functions:read",
  concerns: () => ALL_FUNCTIONS,
  query: pageQuery,
  response: listOf(functionOut),
  async handle({ query, functions: within }, { functions }: Uses<"functions">) {
    const everything = { query: "", functionTypes: [], within };
    const { list, nextPageToken } = await functions.search(everything, pageOf(query));
    return { list: list.map(functionJson), nextPageToken };
  },
});
