import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { timeOfKsuid } from "../../../../src/shared/ksuids.ts";
import { call, type Exporter, type Permission } from "../../api/client.ts";
import { keys, pagedQuery } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { CopyButton } from "../../parts/button.tsx";
import { ConfirmDialog, typeableName } from "../../parts/dialog.tsx";
import { PagedTable, type RowAction, useCreation, useRowActions } from "../../parts/list.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { toast } from "../../parts/toasts.tsx";
import { Name, Time } from "../../parts/values.tsx";
import { unlessDenied, useMay } from "../../shell/rights.ts";
import { AuditParts } from "./audit_parts.tsx";
import { CreateExport, EditExport } from "./exporter_dialogs.tsx";
import { destinationOf, formatLabel } from "./exporters.ts";

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
    <AuditParts title="Exports of the audit log" actions={creation.button}>
      <div>
        <PagedTable
          query={query}
          label="Exports"
          columns={list.columns}
          rowId={({ exportId }) => exportId}
          empty={
            <Empty title="No exports yet" action={creation.button}>
              An export writes every event that the log keeps to a URL or a file, and then new
              events within seconds.
            </Empty>
          }
          rowKeys
        />
      </div>
      {creation.isOpen ? <CreateExport onClose={creation.close} /> : null}
      {list.dialog}
    </AuditParts>
  );
}

const STATES: Readonly<Record<Exporter["state"], React.ReactNode>> = {
  EXPORT_STATE_EXPORTING: <Badge tone="accent">Exporting</Badge>,
  EXPORT_STATE_WAITING: <Badge tone="good">Up to date</Badge>,
  EXPORT_STATE_ERROR: <Badge tone="bad">Failing</Badge>,
};

const COLUMNS: readonly Column<Exporter>[] = [
  {
    id: "name",
    header: "Name",
    readable: 150,
    cell: ({ displayName }) => <Name value={displayName} />,
  },
  { id: "state", header: "State", width: "104px", cell: ({ state }) => STATES[state] },
  {
    id: "destination",
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
    id: "error",
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
    id: "watermark",
    header: "Exported up to",
    width: "130px",
    minor: true,
    cell: ({ watermarkEventId }) => <Watermark uid={watermarkEventId} />,
  },
  {
    id: "created",
    header: "Created",
    width: "120px",
    minor: true,
    cell: ({ createdAt }) => <Time value={createdAt} />,
  },
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
    dialog: (exporter, onClose) => <DeleteExport exporter={exporter} onClose={onClose} />,
  },
];

function DeleteExport({ exporter: { exportId, displayName }, onClose }: {
  readonly exporter: Exporter;
  readonly onClose: () => void;
}) {
  const queries = useQueryClient();
  const remove = async () => {
    await call("DELETE /api/v1/systemlog/exports/{export_id}", {
      path: { export_id: exportId },
      body: {},
    });
    await queries.invalidateQueries({ queryKey: keys.exports });
    toast("Export deleted");
  };
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title="Delete this export?"
      action="Delete"
      danger
      typed={typeableName(displayName, exportId)}
      onConfirm={remove}
    >
      No further event is written there. What the export has written stays.
    </ConfirmDialog>
  );
}
