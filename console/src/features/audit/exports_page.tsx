import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { timeOfKsuid } from "../../../../src/shared/ksuids.ts";
import { call, type Exporter } from "../../api/client.ts";
import { keys, pagedQuery } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { CopyButton, Menu } from "../../parts/button.tsx";
import { ConfirmDialog, typeableName } from "../../parts/dialog.tsx";
import { Icon } from "../../parts/icon.tsx";
import { PagedTable, useCreation } from "../../parts/list.tsx";
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

interface Asked {
  readonly what: "edit" | "delete";
  readonly exporter: Exporter;
}

/** Where the server writes the audit log, and how far each destination is. */
export function ExportsPage() {
  const may = useMay();
  const query = useInfiniteQuery({
    ...exportsQuery,
    refetchInterval: unlessDenied(REFRESH_INTERVAL),
  });
  const creation = useCreation("New export", may("c1.api.systemlog.v1.ExportService.Create"));
  const [asked, setAsked] = useState<Asked>();
  const mayUpdate = may("c1.api.systemlog.v1.ExportService.Update");
  const mayDelete = may("c1.api.systemlog.v1.ExportService.Delete");
  const columns = useMemo(
    () => [
      ...COLUMNS,
      ...mayUpdate || mayDelete ? [actionColumn({ mayUpdate, mayDelete }, setAsked)] : [],
    ],
    [mayUpdate, mayDelete],
  );
  return (
    <AuditParts title="Exports of the audit log" actions={creation.button}>
      <div>
        <PagedTable
          query={query}
          label="Exports"
          columns={columns}
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
      {asked === undefined ? null : <Asking {...asked} onClose={() => setAsked(undefined)} />}
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

function actionColumn(
  { mayUpdate, mayDelete }: { readonly mayUpdate: boolean; readonly mayDelete: boolean },
  onAsk: (asked: Asked) => void,
): Column<Exporter> {
  return {
    id: "action",
    header: "Action",
    width: "64px",
    align: "end",
    cell: (exporter) => (
      <Menu
        label={`Actions of ${exporter.displayName}`}
        items={[
          ...mayUpdate
            ? [{ label: "Edit …", onSelect: () => onAsk({ what: "edit", exporter }) }]
            : [],
          ...mayDelete
            ? [{
              label: "Delete …",
              onSelect: () => onAsk({ what: "delete", exporter }),
              danger: true,
            }]
            : [],
        ]}
      >
        <Icon name="more" />
      </Menu>
    ),
  };
}

function Asking({ what, exporter, onClose }: Asked & { readonly onClose: () => void }) {
  const queries = useQueryClient();
  const { exportId, displayName } = exporter;
  if (what === "edit") return <EditExport exporter={exporter} onClose={onClose} />;
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
