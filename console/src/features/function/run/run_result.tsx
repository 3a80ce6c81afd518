/** The invocation that the panel began: its start, its state and its result. */
import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { call, encodeBase64, type Invocation } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import { StatusBadge } from "../../../parts/badge.tsx";
import { Button } from "../../../parts/button.tsx";
import { JsonBlock } from "../../../parts/code.tsx";
import { shortId, visibleText } from "../../../parts/format.ts";
import { LogView } from "../../../parts/log_view.tsx";
import { ErrorNote, Loaded } from "../../../parts/states.tsx";
import { Duration } from "../../../parts/values.tsx";
import { unlessDenied } from "../../../shell/rights.ts";
import { useLog } from "../../../shell/use_log.ts";
import { PositionLink, positionOf } from "../code/problems.tsx";

const POLL = 1_000;

/** Begins an invocation of a commit; its end comes later. Throws `ApiError`. */
export async function begin(functionId: string, commitId: string, input: string): Promise<string> {
  const { invocationId = "" } = await call("POST /api/v1/functions/{function_id}/invoke", {
    path: { function_id: functionId },
    header: { Prefer: "respond-async" },
    body: { commitId, json: encodeBase64(input), vfsId: "" },
  });
  return invocationId;
}

async function cancel(functionId: string, id: string): Promise<void> {
  await call("POST /api/v1/functions/{function_id}/invocations/{id}/cancel", {
    path: { function_id: functionId, id },
    body: {},
  });
}

function hasEnded({ status }: Invocation): boolean {
  return /_(SUCCESS|ERROR)$/.test(status);
}

/** An invocation, again and again until it ended. */
const invocationQuery = (functionId: string, id: string) =>
  queryOptions({
    queryKey: keys.invocation(id),
    queryFn: async ({ signal }) => {
      const { invocation } = await call("GET /api/v1/functions/{function_id}/invocations/{id}", {
        path: { function_id: functionId, id },
        signal,
      });
      return invocation as Invocation;
    },
    refetchInterval: (query) => {
      const { data } = query.state;
      return data !== undefined && hasEnded(data) ? false : unlessDenied(POLL)(query);
    },
  });

/** An invocation while it runs and after: status, output or error, log. */
export function RunResult(
  { functionId, id }: { readonly functionId: string; readonly id: string },
) {
  const query = useQuery(invocationQuery(functionId, id));
  const { lines, mode, retry } = useLog(functionId, id);
  const queries = useQueryClient();
  useEffect(() => {
    if (mode === "ended") void queries.invalidateQueries({ queryKey: keys.invocation(id) });
  }, [mode, queries, id]);
  return (
    <section className="stack" aria-label="Result">
      <Loaded query={query}>
        {(invocation) => (
          <>
            <Head functionId={functionId} invocation={invocation} />
            <Outcome invocation={invocation} />
          </>
        )}
      </Loaded>
      {mode === "failed" && <ErrorNote error="Could not read the log" onRetry={retry} />}
      {lines.length === 0 ? null : (
        <div>
          <h3>Log</h3>
          <LogView label="Log" lines={lines} startsAtEnd />
        </div>
      )}
    </section>
  );
}

function Head(
  { functionId, invocation }: { readonly functionId: string; readonly invocation: Invocation },
) {
  const { id, commitId, status, error, startedAt, endedAt } = invocation;
  const stop = useMutation({ mutationFn: () => cancel(functionId, id) });
  const isRunning = !hasEnded(invocation);
  return (
    <>
      <div className="row" role="status">
        <StatusBadge status={status} error={error} />
        {startedAt === undefined || endedAt === undefined
          ? null
          : <Duration ms={Date.parse(endedAt) - Date.parse(startedAt)} />}
        <span className="muted">commit {shortId(commitId)}</span>
        <Link to="/invocations/$invocationId" params={{ invocationId: id }}>
          Invocation {shortId(id)}
        </Link>
        {isRunning && <Button busy={stop.isPending} onClick={() => stop.mutate()}>Cancel</Button>}
      </div>
      {stop.error === null ? null : <ErrorNote error={stop.error} />}
    </>
  );
}

function Outcome({ invocation }: { readonly invocation: Invocation }) {
  const { commitId, error, output } = invocation;
  if (error !== undefined) {
    return (
      <div className="note note-bad" role="alert">
        <div className="note-text">
          {error.split("\n").map((line, index) => (
            <div key={index}>
              {visibleText(line)} <PositionOf commitId={commitId} line={line} />
            </div>
          ))}
        </div>
      </div>
    );
  }
  return output === undefined ? null : (
    <div>
      <h3>Output</h3>
      <JsonBlock label="Output" value={output} />
    </div>
  );
}

/** The link to the position that a line of a stack names. */
function PositionOf({ commitId, line }: { readonly commitId: string; readonly line: string }) {
  const position = positionOf(line);
  if (position === undefined) return null;
  const text = `${position.path}:${position.line}:${position.column}`;
  return <PositionLink commitId={commitId} position={text} />;
}
