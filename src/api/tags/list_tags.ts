import { z } from "@hono/zod-openapi";
import { commitJson, commitOut } from "../commits/schemas.ts";
import { functionParam } from "../functions/schemas.ts";
import { jsonOperation, type Uses } from "../operation.ts";

export const listTags = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.ListTags",
  method: "get",
  path: "/api/v1/functions/{function_id}/tags",
  summary: "Get the tags of a function with their commits",
  permission: "functions:read",
  params: functionParam,
  response: z.object({ tags: z.record(z.string(), commitOut) }),
  async handle({ params }, { tags }: Uses<"tags">) {
    const list = await tags.list(params.function_id);
    return { tags: Object.fromEntries(list.map(({ name, commit }) => [name, commitJson(commit)])) };
  },
});
