import { z } from "@hono/zod-openapi";
import { functionParam } from "../functions/schemas.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { empty } from "../primitives.ts";

export const createTag = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.CreateTag",
  method: "post",
  path: "/api/v1/functions/{function_id}/tags",
  summary: "Create a tag for a commit",
  permission: "functions:write",
  params: functionParam,
  body: z.object({ commitId: z.string().default(""), name: z.string().default("") })
    .openapi("c1.api.functions.v1.FunctionsServiceCreateTagRequest"),
  response: empty,
  async handle({ params, body }, { tags }: Uses<"tags">) {
    await tags.create(params.function_id, body.name, body.commitId);
    return {};
  },
});
