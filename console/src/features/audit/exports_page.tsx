import { useInfiniteQuery } from "@tanstack/react-query";
import { timeOfKsuid } from "../../../../src/shared/ksuids.ts";
import { call, type Exporter, type Permission } from "../../api/client.ts";
import { keys, pagedQuery } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { CopyButton } from "../../parts/button.tsx";
import { DeleteDialog, DraftDialog, typeableName } from "../../parts/dialog.tsx";
import { type FieldOf, SelectField, TextField } from "../../parts/field.tsx";
import { visibleText } from "../../parts/format.ts";
import { PagedTable, type RowAction, useCreation, useRowActions } from "../../parts/list.tsx";
import { Empty, Note } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Name, Time, timeColumn } from "../../parts/values.tsx";
import { PartPage } from "../../shell/part_page.tsx";
import { unlessDenied, useMay } from "../../shell/rights.ts";
import {
  datasourceOf,
  destinationOf,
  type ExportDraft,
  exportDraftOf,
  formatLabel,
  FORMATS,
  hasMoved,
  NEW_EXPORT,
} from "./exporters.ts";

/** The server looks for new events about as often, in ms. */
const REFRESH_INTERVAL = 5_000;

const exportsQuery = pagedQuery<Exporter>(
  keys.exports,
  (query, signal) => call("GET /api/v1/systemlog/exports", { query, signal }),
);

/** Where the server writes the audit log, and how far each destination is. */
export function ExportsPage() {
  const may = useMay();
  const query = useInfiniteQuery({
    ...exportsQuery,
    refetchInterval: unlessDenied(REFRESH_INTERVAL),
  });
  const creation = useCreation("New export", may("c1.api.systemlog.v1.ExportService.Create"));
  const list = useRowActions({ columns: COLUMNS, actions: ACTIONS, may, nameOf });
  return (
    <PartPage part="Audit" title="Exports of the audit log" actions={creation.button}>
      <PagedTable
        query={query}
        label="Exports"
        columns={list.columns}
        rowId={({ exportId }) => exportId}
        empty={
          <Empty title="No exports yet" action={creation.button}>
            An export writes every event that the log keeps to a URL or a file, and then new events
            within seconds.
          </Empty>
        }
        rowKeys
      />
      {creation.isOpen && <CreateExport onClose={creation.close} />}
      {list.dialog}
    </PartPage>
  );
}

const STATES: Readonly<Record<Exporter["state"], React.ReactNode>> = {
  EXPORT_STATE_EXPORTING: <Badge tone="accent">Exporting</Badge>,
  EXPORT_STATE_WAITING: <Badge tone="good">Up to date</Badge>,
  EXPORT_STATE_ERROR: <Badge tone="bad">Failing</Badge>,
};

const COLUMNS: readonly Column<Exporter>[] = [
  { header: "Name", readable: 150, cell: ({ displayName }) => <Name value={displayName} /> },
  { header: "State", width: "104px", cell: ({ state }) => STATES[state] },
  {
    header: "Destination",
    readable: 240,
    minor: true,
    cell: (exporter) => (
      <span title={formatLabel(exporter)}>
        <Name value={destinationOf(exporter)} />
      </span>
    ),
  },
  {
    header: "Last error",
    readable: 180,
    minor: true,
    cell: ({ error = "" }) =>
      error === "" ? <span className="muted">–</span> : (
        <span className="audit-error">
          <Name value={error} />
        </span>
      ),
  },
  {
    header: "Exported up to",
    width: "130px",
    minor: true,
    cell: ({ watermarkEventId }) => <Watermark uid={watermarkEventId} />,
  },
  timeColumn("Created", 120, ({ createdAt }) => createdAt),
];

/** The last event that an export has written, by its time. */
function Watermark({ uid }: { readonly uid: string }) {
  if (uid === "") return <span className="muted">Nothing yet</span>;
  return (
    <span className="client-id">
      <Time value={timeOfKsuid(uid)?.toISOString()} />
      <CopyButton text={uid} label={`Copy the id of the last event, ${uid}`} />
    </span>
  );
}

const nameOf = ({ displayName }: Exporter) => displayName;

const ACTIONS: readonly RowAction<Exporter, Permission>[] = [
  {
    verb: "Edit",
    permission: "c1.api.systemlog.v1.ExportService.Update",
    dialog: (exporter, onClose) => <EditExport exporter={exporter} onClose={onClose} />,
  },
  {
    verb: "Delete",
    permission: "c1.api.systemlog.v1.ExportService.Delete",
    danger: true,
    dialog: ({ exportId, displayName }, onClose) => (
      <DeleteDialog
        what="export"
        typed={typeableName(displayName, exportId)}
        onConfirm={() =>
          call("DELETE /api/v1/systemlog/exports/{export_id}", {
            path: { export_id: exportId },
            body: {},
          })}
        refresh={keys.exports}
        onClose={onClose}
      >
        No further event is written there. What the export has written stays.
      </DeleteDialog>
    ),
  },
];

function CreateExport({ onClose }: { readonly onClose: () => void }) {
  return (
    <DraftDialog
      onClose={onClose}
      title="New export"
      description="It begins with the oldest event that the log keeps."
      action="Create"
      start={NEW_EXPORT}
      canSubmit={(draft) =>
        draft.displayName.trim() !== "" && datasourceOf(draft).datasourceId !== ""}
      fields={FIELDS}
      onSubmit={(draft) =>
        call("POST /api/v1/systemlog/exports", {
          body: { displayName: draft.displayName, datasource: datasourceOf(draft) },
        })}
      refresh={keys.exports}
      done="Export created"
    >
      {({ draft, field }) => <Fields target={draft.target} field={field} />}
    </DraftDialog>
  );
}

/** What an edit changes. */
function changeOf(start: ExportDraft, draft: ExportDraft) {
  const isRedirected = hasMoved(start, draft) || draft.format !== start.format;
  return {
    ...draft.displayName === start.displayName ? {} : { displayName: draft.displayName },
    ...isRedirected ? { datasource: datasourceOf(draft) } : {},
  };
}

function EditExport({ exporter, onClose }: {
  readonly exporter: Exporter;
  readonly onClose: () => void;
}) {
  const start = exportDraftOf(exporter);
  const save = (draft: ExportDraft) => {
    const change = changeOf(start, draft);
    return call("POST /api/v1/systemlog/exports/{export_id}", {
      path: { export_id: exporter.exportId },
      body: { exporter: change, updateMask: Object.keys(change).join(",") },
    });
  };
  return (
    <DraftDialog
      onClose={onClose}
      title="Edit the export"
      action="Save"
      start={start}
      canSubmit={(draft) => Object.keys(changeOf(start, draft)).length > 0}
      fields={FIELDS}
      onSubmit={save}
      refresh={keys.exports}
    >
      {({ draft, field }) => (
        <>
          {exporter.error === undefined ? null : (
            <Note tone="warn">
              <span className="note-text">
                The last attempt failed: {visibleText(exporter.error)}
              </span>
            </Note>
          )}
          <Fields target={draft.target} field={field} />
          {hasMoved(start, draft) && (
            <Note>At another destination the export begins with the oldest event again.</Note>
          )}
        </>
      )}
    </DraftDialog>
  );
}

const FIELDS = ["displayName", "datasourceId", "prefix", "format"];

function Fields({ target, field }: {
  readonly target: ExportDraft["target"];
  readonly field: FieldOf<ExportDraft>;
}) {
  return (
    <>
      <TextField label="Name" {...field("displayName")} autoFocus />
      <SelectField
        label="Destination"
        {...field("target")}
        options={[
          { value: "url", label: "A URL" },
          { value: "file", label: "A file of the server" },
        ]}
      />
      {target === "url"
        ? (
          <TextField
            label="URL"
            hint="The server posts batches of events there, and tries again until it answers 2xx."
            {...field("url", "datasourceId")}
            mono
          />
        )
        : (
          <>
            <TextField
              label="File name"
              hint="In the directory that --audit-export-dir sets; without the flag there are no files."
              {...field("file", "datasourceId")}
              mono
            />
            <TextField
              label="Prefix"
              hint="Begins the name of the file"
              {...field("prefix")}
              mono
            />
          </>
        )}
      <SelectField label="Format" {...field("format")} options={FORMATS} />
    </>
  );
}
