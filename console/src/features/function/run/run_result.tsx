import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import type { Invocation } from "../../../api/types.ts";
import { StatusBadge } from "../../../parts/badge.tsx";
import { Button } from "../../../parts/button.tsx";
import { JsonBlock } from "../../../parts/code.tsx";
import { shortId } from "../../../parts/format.ts";
import { LogView } from "../../../parts/log_view.tsx";
import { ErrorNote, Loaded } from "../../../parts/states.tsx";
import { Duration, visibleText } from "../../../parts/values.tsx";
import { keys } from "../../../api/keys.ts";
import { useLog } from "../../../shell/use_log.ts";
import { PositionLink, positionOf } from "../position.tsx";
import { cancel, hasEnded, invocationQuery } from "./invoke.ts";

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
      {mode === "failed" ? <ErrorNote error="Could not read the log" onRetry={retry} /> : null}
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
        {isRunning
          ? <Button busy={stop.isPending} onClick={() => stop.mutate()}>Cancel</Button>
          : null}
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
