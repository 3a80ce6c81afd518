import { z } from "@hono/zod-openapi";
import type { TestResult } from "../../domain/testing/results.ts";

const PREFIX = "FUNCTION_TEST_RESULT_STATUS_";

const testStatus = z.enum([
  `${PREFIX}UNSPECIFIED`,
  `${PREFIX}OK`,
  `${PREFIX}FAIL`,
  `${PREFIX}SKIPPED`,
])
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

export const testResultOut = z.object({
  name: z.string(),
  status: testStatus,
  error: z.string().optional().openapi({
    description: "A failure other than an assertion: a stable error code, a colon, and a message",
  }),
  assertions: z.array(assertionOut),
  logs: z.array(testLogOut),
}).openapi("c1.api.functions.v1.FunctionTestResult");

/** The API's form of a result. */
export function testResultJson(result: TestResult): z.input<typeof testResultOut> {
  const { name, status, error, assertions, logs } = result;
  return {
    name,
    status: `${PREFIX}${status}`,
    ...error === undefined ? {} : { error },
    assertions: [...assertions],
    logs: logs.map(({ level, source, message }) => ({ level, source, log: message })),
  };
}
