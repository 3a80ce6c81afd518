import { z } from "@hono/zod-openapi";
import { mainResult } from "../../domain/testing/results.ts";
import { functionParam, secretsIn } from "../functions/schemas.ts";
import { variablesIn } from "../functions/settings.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { testResultJson, testResultOut } from "./schemas.ts";

export const runTests = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.Test",
  method: "post",
  path: "/api/v1/functions/{function_id}/test",
  summary: "Run the tests in main.test.ts of a commit, and wait for the results",
  permission: "functions:invoke",
  // A test run changes nothing.
  audit: "none",
  params: functionParam,
  body: z.object({
    commitId: z.string().default("").openapi({
      description: "Id, HEAD or refs/tags/<name>; empty: the published commit",
    }),
    secrets: secretsIn.default({}).openapi({
      description:
        "Secrets of this run only; these secrets override the secrets that the tests declare",
    }),
    variables: variablesIn.default({}).openapi({
      description:
        "Variables of this run only; these variables override the variables that the tests declare",
    }),
  }).openapi("c1.api.functions.v1.FunctionsServiceTestRequest"),
  response: z.object({
    result: testResultOut.optional().openapi({
      description: "The first failed test; without a failure, the first test",
    }),
    results: z.array(testResultOut),
  }).openapi("c1.api.functions.v1.FunctionsServiceTestResponse"),
  async handle({ params, body, principal, signal }, { tests }: Uses<"tests">) {
    const { commitId: commit, secrets, variables } = body;
    const request = { commit, secrets, variables };
    const found = await tests.run(principal, params.function_id, request, signal());
    const main = mainResult(found);
    return {
      ...main === undefined ? {} : { result: testResultJson(main) },
      results: found.map(testResultJson),
    };
  },
});
