import { z } from "@hono/zod-openapi";
import type { Domain } from "../../domain/mod.ts";
import { mainResult } from "../../domain/testing/results.ts";
import { type App, endpoint } from "../endpoint.ts";
import { testResultJson, testResultOut } from "../../api/testing/schemas.ts";

/** Run the tests of a function. */
export function testRoute(app: App, { tests }: Domain, maxBodyBytes: number): void {
  endpoint(app, maxBodyBytes, {
    operationId: "c1.api.functions.v1.FunctionsService.Test",
    method: "post",
    path: "/api/v1/functions/{function_id}/test",
    summary: "Run the tests of a commit, its main.test.ts, and wait for their end",
    right: "invoke",
    params: z.object({ function_id: z.string() }),
    body: z.object({
      commitId: z.string().default("").openapi({
        description: "Id, HEAD or refs/tags/<name>; empty: the published commit",
      }),
    }).openapi("c1.api.functions.v1.FunctionsServiceTestRequest"),
    response: z.object({
      result: testResultOut.optional().openapi({
        description: "The first test that failed, or else the first of all",
      }),
      results: z.array(testResultOut),
    }).openapi("c1.api.functions.v1.FunctionsServiceTestResponse"),
  }, async ({ params, body, principal, signal }) => {
    const found = await tests.run(principal, params.function_id, body.commitId, signal);
    const main = mainResult(found);
    return {
      ...main === undefined ? {} : { result: testResultJson(main) },
      results: found.map(testResultJson),
    };
  });
}
