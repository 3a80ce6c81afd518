import { z } from "@hono/zod-openapi";
import { functionParam } from "../functions/schemas.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { commitMessageIn } from "./schemas.ts";

export const createInitialCommit = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.CreateInitialCommit",
  method: "post",
  path: "/api/v1/functions/{function_id}/commits",
  summary: "Open a commit: declare its files and get their upload URLs",
  permission: "functions:write",
  params: functionParam,
  body: z.object({
    filenames: z.array(z.string()).default([]),
    commitMessage: commitMessageIn,
  }).openapi("c1.api.functions.v1.FunctionsServiceCreateInitialCommitRequest"),
  response: z.object({ commitId: z.string(), uploadUrls: z.record(z.string(), z.string()) }),
  async handle({ params, body, principal }, { commits }: Uses<"commits">) {
    const spec = { filenames: body.filenames, message: body.commitMessage };
    const { commitId, uploadUrls } = await commits.open(principal, params.function_id, spec);
    return { commitId, uploadUrls: Object.fromEntries(uploadUrls) };
  },
});
