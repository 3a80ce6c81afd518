import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Fn } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import { Button, CopyButton } from "../../../parts/button.tsx";
import { ConfirmDialog, useSubmit } from "../../../parts/dialog.tsx";
import { TextAreaField, TextField } from "../../../parts/field.tsx";
import { Section } from "../../../parts/page.tsx";
import { Empty, ErrorNote } from "../../../parts/states.tsx";
import { type Column, DataTable } from "../../../parts/table.tsx";
import { toast } from "../../../parts/toasts.tsx";
import { Name } from "../../../parts/values.tsx";
import { remainingError, violationOf } from "../../../parts/violations.ts";
import { useUnsaved } from "../forms.tsx";
import { CONFIG_IMPORT, configText } from "../snippets.ts";
import { updateSettings } from "./section.tsx";

export const SECRETS_ID = "secrets";

interface SecretName {
  readonly name: string;
}

/** Values that only the function reads: they are set and deleted here, and never shown. */
export function Secrets({ fn }: { readonly fn: Fn }) {
  const queries = useQueryClient();
  const [deleted, setDeleted] = useState<string>();
  /** The mask names one secret: the others may change meanwhile. */
  const write = async (name: string, secret: Readonly<Record<string, string>>) => {
    const saved = await updateSettings(fn.id, { secret }, `secret.${name}`);
    queries.setQueryData(keys.function(fn.id), saved);
  };
  const columns: readonly Column<SecretName>[] = [
    { header: "Name", cell: ({ name }) => <Name value={name} /> },
    {
      header: "In the code",
      minor: true,
      readable: 380,
      cell: ({ name }) => <InCode name={name} />,
    },
    {
      header: "Action",
      width: "96px",
      align: "end",
      cell: ({ name }) => (
        <Button
          look="plain"
          aria-label={`Delete ${name}`}
          onClick={() => setDeleted(name)}
        >
          Delete
        </Button>
      ),
    },
  ];
  return (
    <Section title="Secrets" id={SECRETS_ID}>
      <div className="stack function-settings">
        <p className="muted">
          Only the function can read its secrets: this page never shows a value. Setting or deleting
          a secret takes effect at once, apart from the other settings.
        </p>
        <p className="muted">
          The code below needs <code>{CONFIG_IMPORT}</code>
          <CopyButton text={CONFIG_IMPORT} label="Copy the import" />
        </p>
        <DataTable
          label="Secrets"
          columns={columns}
          rows={Object.keys(fn.secret ?? {}).sort().map((name) => ({ name }))}
          rowId={({ name }) => name}
          empty={
            <Empty title="No secrets">
              Set one below. Code reads it as <code>functions.getConfig().secrets.NAME</code>.
            </Empty>
          }
        />
        <SetSecret onSet={(name, value) => write(name, { [name]: value })} />
      </div>
      <ConfirmDialog
        open={deleted !== undefined}
        onClose={() => setDeleted(undefined)}
        title="Delete a secret"
        action="Delete"
        danger
        onConfirm={() => write(deleted ?? "", {})}
      >
        Invocations that start from now on do not have <Name value={deleted ?? ""} />.
      </ConfirmDialog>
    </Section>
  );
}

function InCode({ name }: SecretName) {
  const text = configText("secrets", name);
  return (
    <span className="function-code-text">
      <code title={text}>{text}</code>
      <CopyButton text={text} label={`Copy ${text}`} />
    </span>
  );
}

function SetSecret(
  { onSet }: { readonly onSet: (name: string, value: string) => Promise<void> },
) {
  const [name, setName] = useState("");
  const [value, setValue] = useState("");
  const { busy, error, submit } = useSubmit(async () => {
    await onSet(name.trim(), value);
    setName("");
    setValue("");
    toast("The secret is set");
  });
  useUnsaved(name !== "" || value !== "", "the secret");
  const field = `secret.${name.trim()}`;
  const violation = violationOf(error, field);
  const rest = remainingError(error, [field]);
  return (
    <form className="stack" aria-label="Set a secret" onSubmit={submit}>
      <div className="function-fields">
        <TextField
          label="Name of the secret"
          mono
          value={name}
          error={violation === undefined
            ? undefined
            : `${JSON.stringify(name.trim())} ${violation}`}
          onChange={setName}
        />
        <TextAreaField
          label="Value of the secret"
          hint="Replaces a value that is stored"
          rows={1}
          value={value}
          onChange={setValue}
        />
      </div>
      {rest === undefined ? null : <ErrorNote error={rest} />}
      <div className="row">
        <Button type="submit" busy={busy} disabled={name.trim() === "" || value === ""}>
          Set the secret
        </Button>
      </div>
    </form>
  );
}
