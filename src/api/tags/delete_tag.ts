import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { empty } from "../primitives.ts";

export const deleteTag = jsonOperation({
  operationId: "invoked.TagService.DeleteTag",
  method: "delete",
  path: "/api/v1/functions/{function_id}/tags/{name}",
  summary: "Delete a tag and keep the commit",
  permission: "functions:write",
  params: z.object({ function_id: z.string(), name: z.string() }),
  body: empty,
  response: empty,
  async handle({ params }, { tags }: Uses<"tags">) {
    await tags.delete(params.function_id, params.name);
    return {};
  },
});
