import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { Fn, TestResult } from "../../../api/client.ts";
import { Badge } from "../../../parts/badge.tsx";
import { Button } from "../../../parts/button.tsx";
import { countOf, visibleText } from "../../../parts/format.ts";
import { Properties } from "../../../parts/page.tsx";
import { ErrorNote } from "../../../parts/states.tsx";
import { PositionLink, typeProblems } from "../code/problems.tsx";
import type { CommitContent } from "../queries.ts";
import {
  failedCount,
  runTests,
  TEST_FILE,
  TestResults,
  testsQuery,
  testSummary,
} from "../tests/test_results.tsx";

/** What is known to be wrong with a commit, such as "2 type errors and 1 failed test"; empty if nothing is. */
export function failingChecks(
  content: CommitContent | undefined,
  results: readonly TestResult[] | undefined,
): string {
  const counts = [
    [content?.diagnostics.length ?? 0, "type error"],
    [failedCount(results ?? []), "failed test"],
  ] as const;
  return counts.flatMap(([count, noun]) => count === 0 ? [] : [countOf(count, noun)])
    .join(" and ");
}

/** What the type check and the tests of a commit found. Neither keeps anybody from publishing it. */
export function Checks({ fn, content }: { readonly fn: Fn; readonly content: CommitContent }) {
  return (
    <Properties
      items={[
        ["Types", <Types key="types" content={content} />],
        ["Tests", <Tests key="tests" fn={fn} content={content} />],
      ]}
    />
  );
}

function Types({ content }: { readonly content: CommitContent }) {
  const { types, unchecked, diagnostics, commit } = content;
  if (types === "PENDING") return <span role="status">Checking …</span>;
  if (types === "NOT_CHECKED") {
    return (
      <>
        <Badge tone="warn">Not checked</Badge> {unchecked === undefined
          ? "The server checked no types (--check-types) when the commit was made."
          : `${visibleText(unchecked)}.`}
      </>
    );
  }
  if (diagnostics.length === 0) return <Badge tone="good">No errors</Badge>;
  return (
    <>
      <Badge tone="bad">{countOf(diagnostics.length, "error")}</Badge>
      <ul className="function-found" tabIndex={0} aria-label="Type errors">
        {typeProblems(diagnostics).map(({ path, line, column, message }, index) => (
          <li key={index}>
            <PositionLink position={`${path}:${line}:${column}`} commitId={commit.id} />{" "}
            {visibleText(message)}
          </li>
        ))}
      </ul>
    </>
  );
}

function Tests({ fn, content }: { readonly fn: Fn; readonly content: CommitContent }) {
  const { commit, files } = content;
  const queries = useQueryClient();
  const { data: results } = useQuery(testsQuery(fn.id, commit.id));
  const run = useMutation({ mutationFn: () => runTests(queries, fn.id, commit.id) });
  if (!Object.hasOwn(files, TEST_FILE)) {
    return (
      <>
        No tests: the commit has no <code>{TEST_FILE}</code>.
      </>
    );
  }
  return (
    <>
      <div className="row">
        <span role="status">
          {run.isPending
            ? "Running …"
            : results === undefined
            ? <Badge tone="warn">Not run</Badge>
            : (
              <Badge tone={failedCount(results) === 0 ? "good" : "bad"}>
                {testSummary(results)}
              </Badge>
            )}
        </span>
        <Button busy={run.isPending} onClick={() => run.mutate()}>
          {results === undefined ? "Run the tests" : "Run the tests again"}
        </Button>
      </div>
      {run.error === null ? null : <ErrorNote error={run.error} />}
      {results === undefined || failedCount(results) === 0 ? null : (
        <div
          className="function-found"
          role="region"
          tabIndex={0}
          aria-label="Results of the tests"
        >
          <TestResults results={results} commitId={commit.id} />
        </div>
      )}
    </>
  );
}
