/** Runs the tests of a commit and shows their results. */
import { type QueryClient, queryOptions, skipToken } from "@tanstack/react-query";
import { call, type TestResult } from "../../../api/client.ts";
import { Badge } from "../../../parts/badge.tsx";
import { CodeBlock } from "../../../parts/code.tsx";
import { countOf, enumWords, visibleText } from "../../../parts/format.ts";
import { Name } from "../../../parts/values.tsx";
import { PositionLink } from "../code/problems.tsx";

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

function testWord({ status }: TestResult): string {
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

type Assertion = NonNullable<TestResult["assertions"]>[number];

/** Each test with its assertions and its log; failed ones are open. */
export function TestResults({ results, commitId }: {
  readonly results: readonly TestResult[];
  /** The commit whose tests ran. */
  readonly commitId: string;
}) {
  return (
    <ol className="function-results">
      {results.map((result, index) => <Result key={index} result={result} commitId={commitId} />)}
    </ol>
  );
}

function Result({ result, commitId }: {
  readonly result: TestResult;
  readonly commitId: string;
}) {
  const { name = "", error, assertions = [], logs = [] } = result;
  const word = testWord(result);
  const isBad = word === "Failed";
  return (
    <li>
      <details open={isBad}>
        <summary>
          <Badge tone={isBad ? "bad" : word === "Passed" ? "good" : "quiet"}>{word}</Badge>{" "}
          <Name value={name} />
        </summary>
        {error === undefined
          ? null
          : <p className="note note-bad note-text">{visibleText(error)}</p>}
        <ol>
          {assertions.map((assertion, index) => (
            <AssertionRow key={index} assertion={assertion} commitId={commitId} />
          ))}
        </ol>
        {logs.length === 0 ? null : (
          <CodeBlock
            label={`Log of ${name}`}
            text={logs.map(({ level, log }) => `${level ?? ""} ${log ?? ""}`).join("\n")}
          />
        )}
      </details>
    </li>
  );
}

function AssertionRow({ assertion, commitId }: {
  readonly assertion: Assertion;
  readonly commitId: string;
}) {
  const { pass = false, operator = "", description = "", expected, actual, diff, at } = assertion;
  return (
    <li className="function-assertion">
      <p className="row">
        <span className={pass ? "muted" : "function-failing"}>{pass ? "Holds" : "Fails"}</span>
        <code>{visibleText(operator)}</code>
        <span>{visibleText(description)}</span>
        {at === undefined ? null : <PositionLink commitId={commitId} position={at} />}
      </p>
      {pass ? null : (
        <div className="function-values">
          {diff === undefined || diff === ""
            ? (
              <>
                <Value label="Expected" text={expected} />
                <Value label="Actual" text={actual} />
              </>
            )
            : <Value label="Difference" text={diff} />}
        </div>
      )}
    </li>
  );
}

function Value({ label, text }: { readonly label: string; readonly text: string | undefined }) {
  if (text === undefined || text === "") return null;
  return (
    <div>
      <span className="muted">{label}</span>
      <CodeBlock label={label} text={text} />
    </div>
  );
}
