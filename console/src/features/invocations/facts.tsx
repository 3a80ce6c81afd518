import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { StatusBadge } from "../../parts/badge.tsx";
import { enumWords, formatExact, shortId } from "../../parts/format.ts";
import { Properties, Section } from "../../parts/page.tsx";
import { Duration, Name, Time } from "../../parts/values.tsx";
import { FunctionName } from "../../shell/function_name.tsx";
import { durationOf } from "./columns.tsx";
import { triggerWord } from "./filter.ts";
import type { WholeInvocation } from "./queries.ts";

/** Its status, start and duration, in one line. */
export function Summary({ invocation }: { readonly invocation: WholeInvocation }) {
  const { createdAt, startedAt, waitReason } = invocation;
  return (
    <p className="row">
      <StatusBadge {...invocation} />
      {waitReason === undefined
        ? null
        : `Waiting for: ${enumWords(waitReason, "WAIT_REASON").toLowerCase()}`}
      <span className="muted">
        {startedAt === undefined ? "Accepted" : "Started"} <Time value={startedAt ?? createdAt} />
      </span>
      {durationOf(invocation) === undefined ? null : (
        <span className="muted">
          Took <Duration ms={durationOf(invocation)} />
        </span>
      )}
    </p>
  );
}

/** What it is, when it ran and what started it. */
export function Facts({ invocation }: { readonly invocation: WholeInvocation }) {
  const { functionId, commitId, principal } = invocation;
  return (
    <Section title="Details">
      <Properties
        items={[
          [
            "Function",
            <Link key="function" to="/functions/$functionId" params={{ functionId }}>
              <FunctionName id={functionId} />
            </Link>,
          ],
          [
            "Commit",
            <Link
              key="commit"
              to="/functions/$functionId/history"
              params={{ functionId }}
              search={{ commit: commitId }}
            >
              <span className="invocation-commit" title={commitId}>{shortId(commitId)}</span>
            </Link>,
          ],
          principal?.id === undefined
            ? undefined
            : ["Principal", <Name key="principal" value={principal.id} />],
          ["Trigger", <Started key="trigger" invocation={invocation} />],
          trace(invocation),
          ...times(invocation),
          attempt(invocation),
          process(invocation),
        ]}
      />
    </Section>
  );
}

type Item = readonly [string, ReactNode] | undefined;

function times(invocation: WholeInvocation): Item[] {
  const { createdAt, startedAt, endedAt, notBefore } = invocation;
  const time = (value: string) => (
    <>
      {formatExact(new Date(value))}{" "}
      <span className="muted">
        (<Time value={value} />)
      </span>
    </>
  );
  return [
    ["Accepted", time(createdAt)],
    notBefore === undefined ? undefined : ["Not before", time(notBefore)],
    startedAt === undefined ? undefined : ["Started", time(startedAt)],
    endedAt === undefined ? undefined : ["Ended", time(endedAt)],
    startedAt === undefined || endedAt === undefined
      ? undefined
      : ["Duration", <Duration key="duration" ms={durationOf(invocation)} />],
  ];
}

function attempt({ attempt, maxAttempts }: WholeInvocation): Item {
  return attempt === undefined ? undefined : ["Attempt", `${attempt} of ${maxAttempts ?? attempt}`];
}

/** A link to the trace, if the server knows a page of it. */
function trace({ traceId, traceUrl }: WholeInvocation): Item {
  if (traceUrl === undefined) return undefined;
  const link = (
    <a key="trace" href={traceUrl} target="_blank" rel="noopener noreferrer" className="mono">
      {traceId}
    </a>
  );
  return ["Trace", link];
}

const PROCESSES: Readonly<Record<string, string>> = {
  PROCESS_KIND_ROOT: "Fork of a generic template",
  PROCESS_KIND_TEMPLATE: "Fork of the script's template",
  PROCESS_KIND_SINGLE: "Started for this invocation",
  PROCESS_KIND_REUSED: "Reused",
};

function process({ processKind }: WholeInvocation): Item {
  const kind = PROCESSES[processKind ?? ""];
  return kind === undefined ? undefined : ["Process", kind];
}

/** What started it, with a link to it where the console has a page for it. */
function Started({ invocation }: { readonly invocation: WholeInvocation }) {
  const { trigger, parentInvocationId, depth, functionId } = invocation;
  const kind = triggerWord(trigger?.kind);
  if (parentInvocationId !== undefined) {
    return (
      <>
        Nested invocation {depth === undefined ? "" : `at depth ${depth} `}of{" "}
        <InvocationLink id={parentInvocationId} />
      </>
    );
  }
  if (trigger?.id === undefined) return kind;
  return trigger.kind === "TRIGGER_KIND_REPLAY" || trigger.kind === "TRIGGER_KIND_DESTINATION"
    ? (
      <>
        {kind} of <InvocationLink id={trigger.id} />
      </>
    )
    : (
      <>
        {kind},{" "}
        <Link
          to="/functions/$functionId/triggers"
          params={{ functionId }}
          search={{ trigger: trigger.id }}
        >
          <span className="mono">{shortId(trigger.id)}</span>
        </Link>
      </>
    );
}

export function InvocationLink({ id }: { readonly id: string }) {
  return (
    <Link to="/invocations/$invocationId" params={{ invocationId: id }}>
      <span className="mono">{shortId(id)}</span>
    </Link>
  );
}
