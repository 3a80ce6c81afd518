import { type QueryClient, queryOptions, skipToken } from "@tanstack/react-query";
import { call } from "../../../api/client.ts";
import type { TestResult } from "../../../api/types.ts";
import { countOf, enumWords } from "../../../parts/format.ts";

/** The module that has the tests of a commit. */
export const TEST_FILE = "main.test.ts";

/** The results of a commit's tests, if this page has run them: a commit never changes, and so they stay true. */
export const testsQuery = (functionId: string, commitId: string) =>
  queryOptions<readonly TestResult[]>({
    queryKey: ["tests", functionId, commitId],
    queryFn: skipToken,
    staleTime: Infinity,
  });

/** Runs the tests of a commit and keeps their results. Throws `ApiError`, as for a commit without tests. */
export async function runTests(
  queries: QueryClient,
  functionId: string,
  commitId: string,
): Promise<void> {
  const { results = [] } = await call("POST /api/v1/functions/{function_id}/test", {
    path: { function_id: functionId },
    body: { commitId },
  });
  queries.setQueryData(testsQuery(functionId, commitId).queryKey, results);
}

const WORDS: Readonly<Record<string, string>> = { Ok: "Passed", Fail: "Failed" };

export function testWord({ status }: TestResult): string {
  const word = enumWords(status, "FUNCTION_TEST_RESULT_STATUS");
  return WORDS[word] ?? word;
}

export function failedCount(results: readonly TestResult[]): number {
  return results.filter((result) => testWord(result) === "Failed").length;
}

/** Such as "2 tests, 1 failed". */
export function testSummary(results: readonly TestResult[]): string {
  const failed = failedCount(results);
  return `${countOf(results.length, "test")}, ${failed === 0 ? "none" : failed} failed`;
}
