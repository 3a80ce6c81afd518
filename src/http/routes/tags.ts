import { z } from "@hono/zod-openapi";
import type { Domain } from "../../domain/mod.ts";
import { type App, endpoint } from "../endpoint.ts";
import { commitJson, commitOut } from "../../api/commits/schemas.ts";
import { empty } from "../../api/primitives.ts";

const SERVICE = "c1.api.functions.v1.FunctionsService";
const functionParam = z.object({ function_id: z.string() });

/** Name commits. */
export function tagRoutes(app: App, { tags }: Domain, maxBodyBytes: number): void {
  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.ListTags`,
    method: "get",
    path: "/api/v1/functions/{function_id}/tags",
    summary: "Get the tags of a function with their commits",
    params: functionParam,
    response: z.object({ tags: z.record(z.string(), commitOut) }),
  }, async ({ params }) => {
    const list = await tags.list(params.function_id);
    return { tags: Object.fromEntries(list.map(({ name, commit }) => [name, commitJson(commit)])) };
  });

  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.CreateTag`,
    method: "post",
    path: "/api/v1/functions/{function_id}/tags",
    summary: "Name a commit",
    params: functionParam,
    body: z.object({ commitId: z.string().default(""), name: z.string().default("") })
      .openapi("c1.api.functions.v1.FunctionsServiceCreateTagRequest"),
    response: empty,
  }, async ({ params, body }) => {
    await tags.create(params.function_id, body.name, body.commitId);
    return {};
  });

  endpoint(app, maxBodyBytes, {
    operationId: "invoked.TagService.DeleteTag",
    method: "delete",
    path: "/api/v1/functions/{function_id}/tags/{name}",
    summary: "Delete a tag; the commit stays",
    params: z.object({ function_id: z.string(), name: z.string() }),
    body: empty,
    response: empty,
  }, async ({ params }) => {
    await tags.delete(params.function_id, params.name);
    return {};
  });
}
