/** The attempts of an invocation, and the dialog that runs the invocation again. */
import { useState } from "react";
import { Badge } from "./badge.tsx";
import { Button, CancelButton } from "./button.tsx";
import { Dialog, useSubmit } from "./dialog.tsx";
import { TextAreaField } from "./field.tsx";
import { shortId } from "./format.ts";
import { ErrorNote, Note } from "./states.tsx";
import { type Column, DataTable } from "./table.tsx";
import { CommitField } from "./typed_field.tsx";
import { Duration, Name, timeColumn } from "./values.tsx";
import { errorText, remainingError, violationOf } from "./violations.ts";

interface AttemptRow {
  readonly attempt: number;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly error?: string;
}

const ERROR_CHARACTERS = 300;

const COLUMNS: readonly Column<AttemptRow>[] = [
  { header: "Attempt", width: "70px", cell: ({ attempt }) => attempt },
  timeColumn("Started", 120, (row) => row.startedAt),
  {
    header: "Duration",
    width: "100px",
    align: "end",
    cell: ({ startedAt, endedAt }) => (
      <Duration
        ms={startedAt === undefined || endedAt === undefined
          ? undefined
          : Date.parse(endedAt) - Date.parse(startedAt)}
      />
    ),
  },
  { header: "Outcome", cell: (row) => <End {...row} /> },
];

function End({ endedAt, error }: AttemptRow) {
  if (error !== undefined) return <Name value={error.slice(0, ERROR_CHARACTERS)} />;
  return endedAt === undefined ? "Running" : <Badge tone="good">Success</Badge>;
}

/** The attempts of an invocation, oldest first. */
export function AttemptsTable({ attempts }: { readonly attempts: readonly AttemptRow[] }) {
  return (
    <DataTable
      label="Attempts, oldest first"
      columns={COLUMNS}
      rows={attempts}
      rowId={({ attempt }) => String(attempt)}
      empty={<p className="muted">The invocation has not started.</p>}
    />
  );
}

/** A longer input is not laid out for editing. */
const EDITABLE_CHARACTERS = 200_000;
const FIELDS = ["json", "commitId"];

/** Differences from the invocation that is repeated. */
export interface Change {
  /** Undefined for the recorded input: in that, numbers keep all their digits. */
  readonly input: string | undefined;
  /** A reference to a commit; empty for the same. */
  readonly commitId: string;
}

interface ReplayDialogProps {
  readonly title: string;
  readonly action: string;
  readonly input: Readonly<Record<string, unknown>> | undefined;
  readonly commitId: string;
  readonly onClose: () => void;
  /** Its error appears at the field that caused it. */
  readonly onReplay: (change: Change) => Promise<unknown>;
}

/** Asks for the input and the commit of an invocation that is repeated. */
export function ReplayDialog(
  { title, action, input = {}, commitId, onClose, onReplay }: ReplayDialogProps,
) {
  const [original] = useState(() => JSON.stringify(input, null, 2));
  const [text, setText] = useState(original);
  const [commit, setCommit] = useState("");
  const { busy, error, submit } = useSubmit(() =>
    onReplay({ input: text === original ? undefined : text, commitId: commit })
  );
  const violation = text === original ? undefined : violationOfInput(text);
  const remaining = remainingError(error, FIELDS);
  return (
    <Dialog
      open
      onClose={onClose}
      title={title}
      size="large"
      unsaved={text !== original || commit !== ""}
    >
      <form className="stack" onSubmit={submit}>
        {original.length > EDITABLE_CHARACTERS
          ? <Note>The input is too long to edit here. It is sent unchanged.</Note>
          : (
            <TextAreaField
              label="Input"
              value={text}
              onChange={setText}
              rows={12}
              error={violation ?? violationOf(error, "json")}
            />
          )}
        <CommitField
          label="Commit"
          value={commit}
          onChange={setCommit}
          error={violationOf(error, "commitId")}
          options={[
            { value: "", label: `Same commit (${shortId(commitId)})` },
            { value: "HEAD", label: "Head" },
          ]}
        />
        {remaining === undefined ? null : <ErrorNote error={remaining} />}
        <div className="actions">
          <CancelButton />
          <Button type="submit" look="primary" busy={busy} disabled={violation !== undefined}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function violationOfInput(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? undefined : "must be a JSON object";
  } catch (error) {
    return errorText(error);
  }
}
