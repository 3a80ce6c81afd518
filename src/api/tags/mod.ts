import { z } from "@hono/zod-openapi";
import { commitJson, commitOut } from "../commits/schemas.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";

const listTags = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.ListTags",
  route: "GET /api/v1/functions/{function_id}/tags",
  summary: "Get the tags of a function with their commits",
  permission: "functions:read",
  response: z.object({ tags: z.record(z.string(), commitOut) }),
  async handle({ params }, { tags }: Uses<"tags">) {
    const list = await tags.list(params.function_id);
    return { tags: Object.fromEntries(list.map(({ name, commit }) => [name, commitJson(commit)])) };
  },
});

const createTag = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.CreateTag",
  route: "POST /api/v1/functions/{function_id}/tags",
  summary: "Create a tag for a commit",
  permission: "functions:write",
  body: z.object({ commitId: z.string().default(""), name: z.string().default("") })
    .openapi("c1.api.functions.v1.FunctionsServiceCreateTagRequest"),
  async handle({ params, body }, { tags }: Uses<"tags">) {
    await tags.create(params.function_id, body.name, body.commitId);
  },
});

const deleteTag = jsonOperation({
  operationId: "invoked.TagService.DeleteTag",
  route: "DELETE /api/v1/functions/{function_id}/tags/{name}",
  summary: "Delete a tag and keep the commit",
  permission: "functions:write",
  async handle({ params }, { tags }: Uses<"tags">) {
    await tags.delete(params.function_id, params.name);
  },
});

/** Name commits. */
export const TAG_OPERATIONS: readonly Operation[] = [listTags, createTag, deleteTag];
