import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Fragment, type ReactNode } from "react";
import { AttemptsTable } from "../../parts/attempts.tsx";
import { CodeBlock, JsonBlock } from "../../parts/code.tsx";
import { visibleText } from "../../parts/format.ts";
import { Section } from "../../parts/page.tsx";
import { DataTable } from "../../parts/table.tsx";
import { FunctionName } from "../../shell/function_name.tsx";
import { BackToList } from "../../shell/list_position.tsx";
import { SubjectPage } from "../../shell/subject_page.tsx";
import { Actions } from "./actions.tsx";
import { COLUMNS } from "./columns.tsx";
import { Destination, Egress, Http, VolumeChanges } from "./contacts.tsx";
import { Facts, InvocationLink, Summary } from "./facts.tsx";
import { hasEnded } from "./list.ts";
import { Logs } from "./logs.tsx";
import { Phases, Usage } from "./measures.tsx";
import { invocationQuery, nestedQuery, SHOWN_NESTED, type WholeInvocation } from "./queries.ts";

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

/** Longer errors are shown without links to their positions. */
const LINKED_CHARACTERS = 20_000;
/** A file of the author, its line and its column. */
const POSITION = /((?:[\w@+-][\w@.+-]*\/)*[\w@+-][\w@.+-]*\.[cm]?[jt]sx?):(\d{1,7})(?::\d{1,7})?/g;

interface Piece {
  readonly text: string;
  readonly file?: string;
  readonly line?: number;
}

/** An error's text in pieces, of which the positions in files have their file and line. */
function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(POSITION)) {
    if (match.index > at) pieces.push({ text: text.slice(at, match.index) });
    pieces.push({ text: match[0], file: match[1] ?? "", line: Number(match[2]) });
    at = match.index + match[0].length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at) });
  return pieces;
}

/** An error; positions in its stack lead to the source. */
function ErrorText({ text, functionId, commitId }: {
  readonly text: string;
  readonly functionId: string;
  readonly commitId: string;
}) {
  if (text.length > LINKED_CHARACTERS) return <CodeBlock text={text} label="the error" />;
  return (
    <pre className="invocation-error" tabIndex={0} aria-label="the error"><bdi>
      {piecesOf(text).map(({ text: piece, file, line }, index) => (
        <Fragment key={index}>
          {file === undefined || line === undefined ? visibleText(piece) : (
            <SourceLink functionId={functionId} commitId={commitId} file={file} line={line}>
              {piece}
            </SourceLink>
          )}
        </Fragment>
      ))}
    </bdi></pre>
  );
}

/** Leads to a line of a file in the commit that ran. */
function SourceLink({ functionId, commitId, file, line, children }: {
  readonly functionId: string;
  readonly commitId: string;
  readonly file: string;
  readonly line: number;
  readonly children: ReactNode;
}) {
  return (
    <Link
      to="/functions/$functionId"
      params={{ functionId }}
      search={{ commit: commitId, file, line }}
    >
      {children}
    </Link>
  );
}
