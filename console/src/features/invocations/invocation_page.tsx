import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { AttemptsTable } from "../../parts/attempts.tsx";
import { JsonBlock } from "../../parts/code.tsx";
import { Section } from "../../parts/page.tsx";
import { DataTable } from "../../parts/table.tsx";
import { FunctionName } from "../../shell/function_name.tsx";
import { BackToList } from "../../shell/list_position.tsx";
import { SubjectPage } from "../../shell/subject_page.tsx";
import { Actions } from "./actions.tsx";
import { COLUMNS } from "./columns.tsx";
import { Destination, Egress, Http } from "./contacts.tsx";
import { ErrorText } from "./error_text.tsx";
import { Facts, InvocationLink, Summary } from "./facts.tsx";
import { hasEnded } from "./list.ts";
import { Logs } from "./logs.tsx";
import { Phases } from "./phases.tsx";
import { invocationQuery, nestedQuery, SHOWN_NESTED, type WholeInvocation } from "./queries.ts";
import { Usage } from "./usage.tsx";
import { VolumeChanges } from "./volume_changes.tsx";

export function InvocationPage() {
  const { invocationId } = useParams({ from: "/shell/invocations/$invocationId" });
  return (
    <SubjectPage<WholeInvocation & { readonly displayName?: never }>
      noun="Invocation"
      id={invocationId}
      why="The retention of its function may have ended, or it was purged."
      list="/invocations"
      query={useQuery(invocationQuery(invocationId))}
      title={`Invocation ${invocationId}`}
      headingOf={({ functionId }) => <FunctionName id={functionId} />}
      above={
        <>
          <BackToList to="/invocations">Invocations</BackToList> ·{" "}
          <span className="mono">{invocationId}</span>
        </>
      }
      actionsOf={(invocation) => <Actions invocation={invocation} />}
    >
      {(invocation) => <Parts key={invocation.id} invocation={invocation} />}
    </SubjectPage>
  );
}

function Parts({ invocation }: { readonly invocation: WholeInvocation }) {
  const { functionId, commitId, error, input, output, http } = invocation;
  return (
    <>
      <Summary invocation={invocation} />
      {error === undefined ? null : (
        <Section title="Error">
          <ErrorText text={error} functionId={functionId} commitId={commitId} />
        </Section>
      )}
      <div className="columns">
        <Section title="Input">
          <JsonBlock value={input ?? {}} label="the input" />
        </Section>
        <Section title="Output">
          {http === undefined && output !== undefined
            ? <JsonBlock value={output} label="the output" />
            : (
              <p className="muted">
                {http === undefined
                  ? noOutput(invocation)
                  : "An HTTP response, whose body is not recorded"}
              </p>
            )}
        </Section>
      </div>
      <Logs functionId={invocation.functionId} id={invocation.id} />
      <div className="columns">
        <Facts invocation={invocation} />
        <Usage invocation={invocation} />
      </div>
      <Phases invocation={invocation} />
      <Http invocation={invocation} />
      <Egress invocation={invocation} />
      <VolumeChanges invocation={invocation} />
      <Attempts invocation={invocation} />
      <NestedInvocations invocation={invocation} />
      <Destination invocation={invocation} />
    </>
  );
}

function noOutput(invocation: WholeInvocation): string {
  if (!hasEnded(invocation)) return "Not finished yet";
  return invocation.error === undefined ? "None" : "None: the invocation failed";
}

/** Each start of an invocation that may start several times. */
function Attempts({ invocation }: { readonly invocation: WholeInvocation }) {
  const { attempts = [], maxAttempts } = invocation;
  if (attempts.length === 0) return null;
  return (
    <Section
      title="Attempts"
      actions={maxAttempts === undefined
        ? undefined
        : <span className="muted">{attempts.length} of {maxAttempts}</span>}
    >
      <AttemptsTable attempts={attempts} />
    </Section>
  );
}

/** The chain of nested invocations: the invocation that made this one, and the invocations that this one made. */
function NestedInvocations({ invocation }: { readonly invocation: WholeInvocation }) {
  const { id, parentInvocationId } = invocation;
  const { data } = useQuery(nestedQuery(id));
  const made = data?.list ?? [];
  if (parentInvocationId === undefined && made.length === 0) return null;
  return (
    <Section
      title="Nested invocations"
      actions={data?.hasMore === true
        ? (
          <Link to="/invocations" search={{ parent: id }}>
            Show all (more than {SHOWN_NESTED})
          </Link>
        )
        : undefined}
    >
      {parentInvocationId === undefined ? null : (
        <p>
          Called by <InvocationLink id={parentInvocationId} />
        </p>
      )}
      <DataTable
        label="Nested invocations, newest first"
        columns={COLUMNS}
        rows={made}
        rowId={(row) => row.id}
        empty={<p className="muted">This invocation started no other invocations.</p>}
      />
    </Section>
  );
}
