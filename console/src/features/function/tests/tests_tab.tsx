import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, dataOf } from "../../../api/client.ts";
import type { TestResult } from "../../../api/types.ts";
import { Badge } from "../../../parts/badge.tsx";
import { Button } from "../../../parts/button.tsx";
import { CodeBlock } from "../../../parts/code.tsx";
import { countOf, enumWords, shortId } from "../../../parts/format.ts";
import { Empty, ErrorNote } from "../../../parts/states.tsx";
import { Name, visibleText } from "../../../parts/values.tsx";
import { save } from "../code/save.ts";
import { useWorkspace } from "../code/workspace.ts";
import { useFunction } from "../use_function.ts";
import { PositionLink } from "../position.tsx";

type Assertion = NonNullable<TestResult["assertions"]>[number];

/** Runs the tests of the head, or of the draft once it is saved, and shows what each asserted. */
export function TestsTab() {
  const fn = useFunction();
  const { id, head = "" } = fn;
  const { workspace } = useWorkspace(fn);
  const hasDraft = workspace?.draft !== undefined;
  const queries = useQueryClient();
  const run = useMutation({
    mutationFn: async () => {
      const commitId = workspace?.draft === undefined
        ? head
        : await save(queries, workspace, "Test from the console");
      const { results = [] } = await dataOf(api.POST("/api/v1/functions/{function_id}/test", {
        params: { path: { function_id: id } },
        body: { commitId },
      }));
      return { commitId, results };
    },
  });
  return (
    <section className="stack function-tests" aria-label="Tests">
      <div className="row">
        <Button
          look="primary"
          busy={run.isPending}
          disabled={head === "" && !hasDraft}
          onClick={() => run.mutate()}
        >
          {hasDraft ? "Save and run the tests" : "Run the tests"}
        </Button>
        <span className="muted" role="status">
          {summaryOf(run.data?.results, run.data?.commitId ?? head)}
        </span>
      </div>
      {run.error === null ? null : <ErrorNote error={run.error} />}
      {run.data === undefined && run.error === null && !run.isPending
        ? (
          <Empty title="Not run yet">
            The tests of <code>main.test.ts</code>{" "}
            run without the function's volume, secrets and hosts.
          </Empty>
        )
        : null}
      <ol className="function-results">
        {run.data?.results.map((result, index) => (
          <Result key={index} result={result} commitId={run.data?.commitId ?? head} />
        ))}
      </ol>
    </section>
  );
}

function summaryOf(results: readonly TestResult[] | undefined, commitId: string): string {
  if (results === undefined) return commitId === "" ? "" : `Commit ${shortId(commitId)}`;
  const failed = results.filter((result) => wordOf(result) === "Failed").length;
  const outcome = failed === 0 ? "none failed" : `${failed} failed`;
  return `${countOf(results.length, "test")}, ${outcome}; commit ${shortId(commitId)}`;
}

const WORDS: Readonly<Record<string, string>> = { Ok: "Passed", Fail: "Failed" };

function wordOf({ status }: TestResult): string {
  const word = enumWords(status, "FUNCTION_TEST_RESULT_STATUS");
  return WORDS[word] ?? word;
}

function Result({ result, commitId }: {
  readonly result: TestResult;
  readonly commitId: string;
}) {
  const { name = "", error, assertions = [], logs = [] } = result;
  const word = wordOf(result);
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
