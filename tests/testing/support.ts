/** What the suites of test runs share. */
import assert from "node:assert/strict";
import type { Answer, Client, Files, Json } from "../support/client.ts";

export const MAIN =
  `export default (input: { readonly n?: number }) => ({ n: (input.n ?? 0) + 1 });\n`;

/** Creates a function from a module of tests; answers its id. */
export async function withTests(client: Client, tests: string, files: Files = {}): Promise<string> {
  return await client.deploy(MAIN, { "main.test.ts": tests, ...files });
}

/** Runs the tests of the published commit. */
export function runTests(
  client: Client,
  functionId: string,
  body: Json = {},
): Promise<Answer<Json>> {
  return client.post(`/api/v1/functions/${functionId}/test`, body);
}

/** The results of tests that run. */
export async function resultsOf(client: Client, tests: string, files: Files = {}): Promise<Json[]> {
  return (await answerOf(client, tests, files)).results;
}

/** The answer to a run that happens. */
export async function answerOf(client: Client, tests: string, files: Files = {}): Promise<Json> {
  const { status, body } = await runTests(client, await withTests(client, tests, files));
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

/** Name, status and error of each result, in lines. */
export function outline(results: readonly Json[]): string[] {
  return results.map(({ name, status, error }) =>
    [
      name,
      status.replace("FUNCTION_TEST_RESULT_STATUS_", ""),
      ...error === undefined ? [] : [error],
    ]
      .join(" | ")
  );
}
