/** What the suites of test runs share. */
import type { Answer, Client, Files, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";

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
  const body = ok(await runTests(client, await withTests(client, tests, files)));
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

/** A check takes seconds of processor time, and as long as it takes on a busy machine. */
export const CHECK_PATIENCE_MS = 600_000;

/** The report on a commit once its types were checked. */
export async function checked(
  client: Client,
  functionId: string,
  reference = "HEAD",
): Promise<Json> {
  const read = async () => {
    const { typeCheck } = ok(
      await client.get(`/api/v1/functions/${functionId}/commits/${reference}`),
    );
    return typeCheck.state === "TYPE_CHECK_STATE_PENDING" ? undefined : typeCheck;
  };
  return await eventually(read, "the types of the commit", CHECK_PATIENCE_MS);
}
