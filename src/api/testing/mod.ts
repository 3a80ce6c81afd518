import { z } from "@hono/zod-openapi";
import { mainResult, type TestResult } from "../../domain/testing/results.ts";
import { secretsIn } from "../functions/schemas.ts";
import { variablesIn } from "../functions/settings.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";
import { enumWords } from "../../resources/words.ts";

const testStatus = z.enum(enumWords("FUNCTION_TEST_RESULT_STATUS", "OK", "FAIL", "SKIPPED"))
  .openapi("c1.api.functions.v1.FunctionTestResultStatus");

const assertionOut = z.object({
  description: z.string(),
  operator: z.string().openapi({
    description: "`===`, `ok`, `fail`, `deepEqual`, `throws` or `rejects`",
  }),
  expected: z.string(),
  actual: z.string(),
  at: z.string().openapi({ description: "`main.test.ts:LINE:COLUMN`" }),
  pass: z.boolean(),
  diff: z.string().optional().openapi({
    description: "Line diff of `actual` (`+`) and `expected` (`-`)",
  }),
}).openapi("c1.api.functions.v1.FunctionTestResultAssertion");

const testLogOut = z.object({
  level: z.enum(["debug", "info", "warn", "error"]),
  source: z.enum(["console", "stdout", "stderr", "egress", "system"]),
  log: z.string(),
}).openapi("c1.api.functions.v1.FunctionTestResultLog");

const testResultOut = z.object({
  name: z.string(),
  status: testStatus,
  error: z.string().optional().openapi({
    description: "A failure other than an assertion: a stable error code, a colon, and a message",
  }),
  assertions: z.array(assertionOut),
  logs: z.array(testLogOut),
}).openapi("c1.api.functions.v1.FunctionTestResult");

/** The API's form of a result. */
function testResultJson(result: TestResult): z.input<typeof testResultOut> {
  const { name, status, error, assertions, logs } = result;
  return {
    name,
    status: `FUNCTION_TEST_RESULT_STATUS_${status}`,
    ...error === undefined ? {} : { error },
    assertions: [...assertions],
    logs: logs.map(({ level, source, message }) => ({ level, source, log: message })),
  };
}

const runTests = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.Test",
  route: "POST /api/v1/functions/{function_id}/test",
  summary: "Run the tests in main.test.ts of a commit, and wait for the results",
  permission: "functions:invoke",
  // A test run changes nothing.
  audit: "none",
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

/** Run the tests of functions. */
export const TEST_OPERATIONS: readonly Operation[] = [runTests];
