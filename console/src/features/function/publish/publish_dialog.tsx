import { type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useLocation } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { call, type Fn, type TestResult } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import { Badge } from "../../../parts/badge.tsx";
import { Button, CancelButton } from "../../../parts/button.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { countOf, shortId, visibleText } from "../../../parts/format.ts";
import { Properties } from "../../../parts/page.tsx";
import { ErrorNote, Note } from "../../../parts/states.tsx";
import { toast, toastError } from "../../../parts/toasts.tsx";
import { draftOf } from "../code/drafts.ts";
import { PositionLink, typeProblems } from "../code/problems.tsx";
import { Difference } from "../difference.tsx";
import { type CommitContent, commitQuery } from "../queries.ts";
import {
  failedCount,
  runTests,
  TEST_FILE,
  TestResults,
  testsQuery,
  testSummary,
} from "../tests/test_results.tsx";

/** A commit to publish. */
interface Publish {
  readonly functionId: string;
  /** `""` publishes none. */
  readonly commitId: string;
  /** The commit that is published now; `""` for none. */
  readonly former: string;
  /** Whether it goes back to an earlier publish, so that the next roll-back goes further back. */
  readonly isRollBack?: boolean;
}

/** Publishes a commit. Shows the code that invocations would run in place of the published commit, and its problems. */
export function PublishDialog({ fn, commitId, isRollBack = false, onClose }: {
  readonly fn: Fn;
  readonly commitId: string;
  /** Whether the commit was published before. */
  readonly isRollBack?: boolean;
  readonly onClose: () => void;
}) {
  const { publishedCommitId = "" } = fn;
  const queries = useQueryClient();
  const { data: content } = useQuery(commitQuery(fn.id, commitId));
  const { data: results } = useQuery(testsQuery(fn.id, commitId));
  const failing = failingChecks(content, results);
  const { mutate, isPending, error } = useMutation({
    mutationFn: () =>
      publish(queries, { functionId: fn.id, commitId, former: publishedCommitId, isRollBack }),
    onSuccess: onClose,
  });
  useLeave(onClose);
  const verb = isRollBack ? "Roll back" : "Publish";
  return (
    <Dialog
      open
      onClose={onClose}
      title={`${verb}${isRollBack ? " to" : ""} commit ${shortId(commitId)}`}
      size="large"
    >
      <div className="stack">
        <p>
          {publishedCommitId === ""
            ? "Invocations can run the function from then on."
            : `Invocations run it in place of ${shortId(publishedCommitId)}.`}{" "}
          <span className="muted">Settings, secrets and triggers stay as they are.</span>
        </p>
        {draftOf(fn.id) === undefined
          ? null
          : <Note tone="warn">Your draft is not saved; it is not part of the commit.</Note>}
        {content === undefined ? null : <Checks fn={fn} content={content} />}
        <Difference functionId={fn.id} from={publishedCommitId} to={commitId} />
        {error === null ? null : <ErrorNote error={error} />}
        <div className="actions function-decision">
          {failing === "" ? null : (
            <p className="note note-bad" role="alert">
              This commit has {failing}. Invocations run the commit once it is published.
            </p>
          )}
          <CancelButton />
          <Button look="primary" busy={isPending} onClick={() => mutate()}>
            {failing === "" ? verb : `${verb} anyway`}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

/** A link of the dialog leads to the page below it. */
function useLeave(onClose: () => void): void {
  const href = useLocation({ select: (location) => location.href });
  const [opened] = useState(href);
  useEffect(() => {
    if (href !== opened) onClose();
  }, [href, opened]);
}

/** Publishes a commit. The toast undoes it. Throws `ApiError`. */
async function publish(
  queries: QueryClient,
  { functionId, commitId, former, isRollBack = false }: Publish,
): Promise<void> {
  if (isRollBack) await rollBack(queries, functionId, commitId, former);
  else await setPublished(queries, functionId, commitId);
  const undo = () =>
    void setPublished(queries, functionId, former).then(
      () => toast(former === "" ? "Unpublished" : "Published the previous commit"),
      (error) => toastError("Could not undo the publish", error),
    );
  toast("Published", { undo });
}

/** Goes back to a commit, unless another than the former one is published meanwhile. */
async function rollBack(
  queries: QueryClient,
  functionId: string,
  commitId: string,
  former: string,
): Promise<void> {
  await call("POST /api/v1/functions/{function_id}/rollback", {
    path: { function_id: functionId },
    header: { "If-Match": `"${former}"` },
    body: { commitId },
  });
  await queries.invalidateQueries({ queryKey: keys.function(functionId) });
}

async function setPublished(
  queries: QueryClient,
  functionId: string,
  commitId: string,
): Promise<void> {
  await call("POST /api/v1/functions/update", {
    body: {
      function: { id: functionId, publishedCommitId: commitId },
      updateMask: "publishedCommitId",
      commitMessage: "",
    },
  });
  await queries.invalidateQueries({ queryKey: keys.function(functionId) });
}

/** What is known to be wrong with a commit, such as "2 type errors and 1 failed test"; empty if nothing is. */
function failingChecks(
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
function Checks({ fn, content }: { readonly fn: Fn; readonly content: CommitContent }) {
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
