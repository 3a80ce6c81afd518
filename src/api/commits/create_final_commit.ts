import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { preconditionHeaders, readPreconditions } from "../preconditions.ts";
import { empty } from "../primitives.ts";
import {
  commitJson,
  commitOut,
  commitParams,
  typeCheckJson,
  typeCheckOut,
  warningsJson,
  warningsOut,
} from "./schemas.ts";

export const createFinalCommit = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.CreateFinalCommit",
  method: "post",
  path: "/api/v1/functions/{function_id}/commits/{commit_id}/finalize",
  summary: "Build an open commit, lock its dependencies and make the commit the head",
  permission: "functions:write",
  params: commitParams,
  headers: preconditionHeaders,
  body: empty,
  response: z.object({ commit: commitOut, typeCheck: typeCheckOut, warnings: warningsOut }),
  async handle({ params, headers }, { commits }: Uses<"commits">) {
    const { function_id, commit_id } = params;
    const row = await commits.finalize(function_id, commit_id, readPreconditions(headers));
    return { commit: commitJson(row), typeCheck: typeCheckJson(row), warnings: warningsJson(row) };
  },
});
