import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { encodeBase64 } from "../../api/base64.ts";
import { api, dataOf } from "../../api/client.ts";
import { Button } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { faultOf, remainingError } from "../../parts/faults.ts";
import { SelectField, TextAreaField, TextField } from "../../parts/field.tsx";
import { shortId } from "../../parts/format.ts";
import { ErrorNote, Note } from "../../parts/states.tsx";
import { useStillHere } from "../../shell/still_here.ts";
import type { WholeInvocation } from "./queries.ts";

/** A longer input is not laid out for editing. */
const EDITABLE_CHARACTERS = 200_000;
const FIELDS = ["json", "commitId"];
const OTHER = "other";

/** Calls the function again: with the same or another input, on the same or another commit. */
export function RunAgain(
  { invocation, onClose }: { readonly invocation: WholeInvocation; readonly onClose: () => void },
) {
  const navigate = useNavigate();
  const [original] = useState(() => JSON.stringify(invocation.input ?? {}, null, 2));
  const [text, setText] = useState(original);
  const whileHere = useStillHere();
  const [commit, setCommit] = useState({ choice: "", other: "" });
  const [state, setState] = useState<{ busy: boolean; error?: unknown }>({ busy: false });
  const fault = text === original ? undefined : faultOfInput(text);
  const run = async (event: FormEvent) => {
    event.preventDefault();
    setState({ busy: true });
    const isHere = whileHere();
    try {
      const { functionId, id } = invocation;
      const { invocationId } = await dataOf(
        api.POST("/api/v1/functions/{function_id}/invocations/{id}/replay", {
          params: { path: { function_id: functionId, id } },
          body: {
            commitId: commit.choice === OTHER ? commit.other.trim() : commit.choice,
            // Unchanged, the server takes the recorded bytes: numbers keep all their digits.
            ...text === original ? {} : { json: encodeBase64(text) },
          },
        }),
      );
      onClose();
      if (isHere()) {
        await navigate({ to: "/invocations/$invocationId", params: { invocationId } });
      }
    } catch (error) {
      setState({ busy: false, error });
    }
  };
  return (
    <Dialog open onClose={onClose} title="Run again" size="large" sticky>
      <form className="stack" onSubmit={(event) => void run(event)}>
        {original.length > EDITABLE_CHARACTERS
          ? <Note>The input is too long to edit here; it is sent as it was.</Note>
          : (
            <TextAreaField
              label="Input"
              value={text}
              onChange={setText}
              rows={12}
              error={fault ?? faultOf(state.error, "json")}
            />
          )}
        <CommitChoice
          commitId={invocation.commitId}
          value={commit}
          onChange={setCommit}
          error={faultOf(state.error, "commitId")}
        />
        {remainingError(state.error, FIELDS) === undefined
          ? null
          : <ErrorNote error={remainingError(state.error, FIELDS)} />}
        <div className="actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={state.busy} disabled={fault !== undefined}>
            Run
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface Choice {
  readonly choice: string;
  readonly other: string;
}

function CommitChoice(
  { commitId, value, onChange, error }: {
    readonly commitId: string;
    readonly value: Choice;
    readonly onChange: (value: Choice) => void;
    readonly error: string | undefined;
  },
) {
  return (
    <>
      <SelectField
        label="Commit"
        value={value.choice}
        onChange={(choice) => onChange({ ...value, choice })}
        error={value.choice === OTHER ? undefined : error}
        options={[
          { value: "", label: `The same (${shortId(commitId)})` },
          { value: "HEAD", label: "The head" },
          { value: OTHER, label: "Another …" },
        ]}
      />
      {value.choice === OTHER
        ? (
          <TextField
            label="Id or tag"
            hint="A tag is written as refs/tags/NAME"
            value={value.other}
            onChange={(other) => onChange({ ...value, other })}
            error={error}
            mono
          />
        )
        : null}
    </>
  );
}

function faultOfInput(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? undefined : "must be a JSON object";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
