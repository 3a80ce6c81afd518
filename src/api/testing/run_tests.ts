import { z } from "@hono/zod-openapi";
import { mainResult } from "../../domain/testing/results.ts";
import { functionParam, secretsIn } from "../functions/schemas.ts";
import { variablesIn } from "../functions/settings.ts";
import { jsonOperation } from "../operation.ts";
import { testResultJson, testResultOut } from "./schemas.ts";

export const runTests = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.Test",
  method: "post",
  path: "/api/v1/functions/{function_id}/test",
  summary: "Run the tests of a commit, its main.test.ts, and wait for their end",
  permission: "invoke",
  params: functionParam,
  body: z.object({
    commitId: z.string().default("").openapi({
      description: "Id, HEAD or refs/tags/<name>; empty: the published commit",
    }),
    secrets: secretsIn.default({}).openapi({
      description: "Secrets of this run alone; they win over those that the tests declare",
    }),
    variables: variablesIn.default({}).openapi({
      description: "Variables of this run alone; they win over those that the tests declare",
    }),
  }).openapi("c1.api.functions.v1.FunctionsServiceTestRequest"),
  response: z.object({
    result: testResultOut.optional().openapi({
      description: "The first test that failed, or else the first of all",
    }),
    results: z.array(testResultOut),
  }).openapi("c1.api.functions.v1.FunctionsServiceTestResponse"),
  async handle({ params, body, principal, signal }, { tests }) {
    const { commitId: commit, secrets, variables } = body;
    const request = { commit, secrets, variables };
    const found = await tests.run(principal, params.function_id, request, signal);
    const main = mainResult(found);
    return {
      ...main === undefined ? {} : { result: testResultJson(main) },
      results: found.map(testResultJson),
    };
  },
});
