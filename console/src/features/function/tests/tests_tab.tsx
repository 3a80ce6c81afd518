import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { TestResult } from "../../../api/types.ts";
import { Button } from "../../../parts/button.tsx";
import { shortId } from "../../../parts/format.ts";
import { Empty, ErrorNote } from "../../../parts/states.tsx";
import { save } from "../code/save.ts";
import { useWorkspace } from "../code/workspace.ts";
import { useFunction } from "../use_function.ts";
import { runTests, testsQuery, testSummary } from "./run_tests.ts";
import { TestResults } from "./test_results.tsx";

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
      await runTests(queries, id, commitId);
      return commitId;
    },
  });
  const commitId = run.data ?? head;
  const { data: results } = useQuery(testsQuery(id, commitId));
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
          {statusOf(results, commitId)}
        </span>
      </div>
      {run.error === null ? null : <ErrorNote error={run.error} />}
      {results === undefined && run.error === null && !run.isPending
        ? (
          <Empty title="Not run yet">
            The tests of <code>main.test.ts</code>{" "}
            run without the function's volume, secrets and hosts.
          </Empty>
        )
        : null}
      {results === undefined ? null : <TestResults results={results} commitId={commitId} />}
    </section>
  );
}

function statusOf(results: readonly TestResult[] | undefined, commitId: string): string {
  if (commitId === "") return "";
  return results === undefined
    ? `Commit ${shortId(commitId)}`
    : `${testSummary(results)}; commit ${shortId(commitId)}`;
}
