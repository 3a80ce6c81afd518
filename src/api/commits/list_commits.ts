import { functionParam } from "../functions/schemas.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { idPrefixIn, listOf, pageOf, pageQuery } from "../primitives.ts";
import { commitJson, commitOut } from "./schemas.ts";

export const listCommits = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.ListCommits",
  method: "get",
  path: "/api/v1/functions/{function_id}/commits",
  summary: "List the commits of a function, newest first",
  permission: "functions:read",
  params: functionParam,
  query: pageQuery.extend({ id_prefix: idPrefixIn }),
  response: listOf(commitOut),
  async handle({ params, query }, { commits }: Uses<"commits">) {
    const { list, nextPageToken } = await commits.list(
      params.function_id,
      pageOf(query),
      query.id_prefix,
    );
    return { list: list.map(commitJson), nextPageToken };
  },
});
