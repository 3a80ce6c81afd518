import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { bytesOut, encodeBase64 } from "../primitives.ts";
import { commitParams } from "./schemas.ts";

export const getLockFile = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.GetLockFile",
  method: "get",
  path: "/api/v1/functions/{function_id}/commits/{commit_id}/lockfile",
  slashes: { commit_id: "commit-reference" },
  summary: "Get the deno.lock that pins a commit's dependencies",
  permission: "functions:read",
  params: commitParams,
  response: z.object({ content: bytesOut, exists: z.boolean() }),
  async handle({ params }, { commits }: Uses<"commits">) {
    const content = await commits.lockfile(params.function_id, params.commit_id);
    return { content: encodeBase64(content), exists: true };
  },
});
