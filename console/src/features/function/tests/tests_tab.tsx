import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useLocation, useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import type { TestResult } from "../../../api/client.ts";
import { Button } from "../../../parts/button.tsx";
import { shortId } from "../../../parts/format.ts";
import { Empty, ErrorNote } from "../../../parts/states.tsx";
import { save } from "../code/save.ts";
import { edit, useWorkspace, type Workspace } from "../code/workspace.ts";
import { useFunction } from "../queries.ts";
import { runTests, TEST_FILE, TestResults, testsQuery, testSummary } from "./test_results.tsx";

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
  const canRun = workspace !== undefined && (head !== "" || hasDraft);
  useAsked(canRun, () => run.mutate());
  if (workspace !== undefined && !Object.hasOwn(workspace.files, TEST_FILE)) {
    return <NoTests workspace={workspace} />;
  }
  return (
    <section className="stack function-tests" aria-label="Tests">
      <div className="row">
        <Button
          look="primary"
          busy={run.isPending}
          disabled={!canRun}
          onClick={() => run.mutate()}
        >
          {hasDraft ? "Save and run the tests" : "Run the tests"}
        </Button>
        <span className="muted" role="status">
          {statusOf(results, commitId)}
        </span>
      </div>
      {run.error === null ? null : <ErrorNote error={run.error} />}
      {results === undefined && run.error === null && !run.isPending && (
        <Empty title="Not run yet">
          Run the tests of <code>{TEST_FILE}</code>{" "}
          to see their results. They run without the function's volume, secrets and hosts.
        </Empty>
      )}
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

/** Runs the tests once if the palette led here to do so. */
function useAsked(canRun: boolean, run: () => void): void {
  const navigate = useNavigate();
  const isAsked = useLocation({ select: ({ state }) => state.runTests === true });
  useEffect(() => {
    if (!isAsked || !canRun) return;
    // Coming back to this entry of the history, or loading it again, runs nothing.
    void navigate({ to: ".", replace: true, state: {} });
    run();
  }, [isAsked, canRun]);
}

const FIRST_TEST = `import { test } from "@c1/test";

test("describes what the function does", ({ equal }) => {
  equal(1 + 1, 2);
});
`;

function NoTests({ workspace }: { readonly workspace: Workspace }) {
  const navigate = useNavigate();
  const add = () => {
    edit(workspace, (files) => ({ ...files, [TEST_FILE]: FIRST_TEST }));
    void navigate({
      to: "/functions/$functionId",
      params: { functionId: workspace.functionId },
      search: { file: TEST_FILE },
    });
  };
  return (
    <Empty
      title="No tests yet"
      action={<Button look="primary" onClick={add}>Add {TEST_FILE}</Button>}
    >
      Tests are in the file <code>{TEST_FILE}</code> beside the code. They run here and with{" "}
      <code>invoked test</code>.
    </Empty>
  );
}
