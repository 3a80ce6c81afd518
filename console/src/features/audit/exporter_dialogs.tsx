import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call, type Exporter } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { FormDialog, type Violation } from "../../parts/dialog.tsx";
import { SelectField, TextField } from "../../parts/field.tsx";
import { visibleText } from "../../parts/format.ts";
import { NameField } from "../../parts/name_fields.tsx";
import { Note } from "../../parts/states.tsx";
import { toast } from "../../parts/toasts.tsx";
import {
  datasourceOf,
  type ExportDraft,
  exportDraftOf,
  type Format,
  FORMATS,
  hasMoved,
  NEW_EXPORT,
  type Target,
} from "./exporters.ts";

const FIELDS = ["displayName", "datasourceId", "prefix", "format"];

export function CreateExport({ onClose }: { readonly onClose: () => void }) {
  const queries = useQueryClient();
  const [draft, setDraft] = useState(NEW_EXPORT);
  const create = async () => {
    const { displayName } = draft;
    await call("POST /api/v1/systemlog/exports", {
      body: { displayName, datasource: datasourceOf(draft) },
    });
    await queries.invalidateQueries({ queryKey: keys.exports });
    onClose();
    toast("Export created");
  };
  return (
    <FormDialog
      onClose={onClose}
      title="New export"
      description="It begins with the oldest event that the log keeps."
      action="Create"
      unsaved={JSON.stringify(draft) !== JSON.stringify(NEW_EXPORT)}
      disabled={draft.displayName.trim() === "" || datasourceOf(draft).datasourceId === ""}
      fields={FIELDS}
      onSubmit={create}
    >
      {(violation) => (
        <Fields
          draft={draft}
          onChange={(change) => setDraft({ ...draft, ...change })}
          violation={violation}
        />
      )}
    </FormDialog>
  );
}

export function EditExport(
  { exporter, onClose }: { readonly exporter: Exporter; readonly onClose: () => void },
) {
  const queries = useQueryClient();
  const [start] = useState(() => exportDraftOf(exporter));
  const [draft, setDraft] = useState(start);
  const isMoved = hasMoved(start, draft);
  const isRedirected = isMoved || draft.format !== start.format;
  const isRenamed = draft.displayName !== start.displayName;
  const save = async () => {
    const change = {
      ...isRenamed ? { displayName: draft.displayName } : {},
      ...isRedirected ? { datasource: datasourceOf(draft) } : {},
    };
    await call("POST /api/v1/systemlog/exports/{export_id}", {
      path: { export_id: exporter.exportId },
      body: { exporter: change, updateMask: Object.keys(change).join(",") },
    });
    await queries.invalidateQueries({ queryKey: keys.exports });
    onClose();
  };
  return (
    <FormDialog
      onClose={onClose}
      title="Edit the export"
      action="Save"
      unsaved={JSON.stringify(draft) !== JSON.stringify(start)}
      disabled={!isRedirected && !isRenamed}
      fields={FIELDS}
      onSubmit={save}
    >
      {(violation) => (
        <>
          {exporter.error === undefined ? null : (
            <Note tone="warn">
              <span className="note-text">
                The last attempt failed: {visibleText(exporter.error)}
              </span>
            </Note>
          )}
          <Fields
            draft={draft}
            onChange={(change) => setDraft({ ...draft, ...change })}
            violation={violation}
          />
          {isMoved
            ? <Note>At another destination the export begins with the oldest event again.</Note>
            : null}
        </>
      )}
    </FormDialog>
  );
}

function Fields({ draft, onChange, violation }: {
  readonly draft: ExportDraft;
  readonly onChange: (change: Partial<ExportDraft>) => void;
  readonly violation: Violation;
}) {
  return (
    <>
      <NameField value={draft} onChange={onChange} violation={violation} />
      <SelectField
        label="Destination"
        value={draft.target}
        onChange={(target) => onChange({ target: target as Target })}
        options={[
          { value: "url", label: "A URL" },
          { value: "file", label: "A file of the server" },
        ]}
      />
      {draft.target === "url"
        ? (
          <TextField
            label="URL"
            hint="The server posts batches of events there, and tries again until it answers 2xx."
            value={draft.url}
            onChange={(url) => onChange({ url })}
            error={violation("datasourceId")}
            mono
          />
        )
        : (
          <>
            <TextField
              label="File name"
              hint="In the directory that --audit-export-dir sets; without the flag there are no files."
              value={draft.file}
              onChange={(file) => onChange({ file })}
              error={violation("datasourceId")}
              mono
            />
            <TextField
              label="Prefix"
              hint="Begins the name of the file"
              value={draft.prefix}
              onChange={(prefix) => onChange({ prefix })}
              error={violation("prefix")}
              mono
            />
          </>
        )}
      <SelectField
        label="Format"
        value={draft.format}
        onChange={(format) => onChange({ format: format as Format })}
        error={violation("format")}
        options={FORMATS}
      />
    </>
  );
}
