import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { call, type Volume, type VolumeVersion } from "../../api/client.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { formatCount, shortId, visibleText } from "../../parts/format.ts";
import { Empty, ErrorNote, Loaded, Loading } from "../../parts/states.tsx";
import { type Column, DataTable, moreOf } from "../../parts/table.tsx";
import { Name, timeColumn } from "../../parts/values.tsx";
import { versionsQuery } from "./queries.ts";

interface HistoryProps {
  readonly volume: Volume;
  /** Shown alone; undefined for all. */
  readonly version: number | undefined;
}

/** The versions of a volume: who wrote what, and how to get an earlier one back. */
export function History({ volume, version }: HistoryProps) {
  const [restored, setRestored] = useState<VolumeVersion>();
  const query = useInfiniteQuery(versionsQuery(volume.id));
  const { rows, isRead } = useRows(query, version);
  const columns = useColumns(volume, setRestored);
  return (
    <>
      {version === undefined ? null : (
        <p>
          Only version {formatCount(version)} is shown.{" "}
          <Link
            to="/volumes/$volumeId"
            params={{ volumeId: volume.id }}
            search={{ tab: "history" }}
          >
            Show all
          </Link>
        </p>
      )}
      <Loaded query={query}>
        {() => (
          <DataTable
            label="Versions"
            columns={columns}
            rows={rows}
            rowId={({ version }) => String(version)}
            empty={query.isFetchNextPageError
              ? <ErrorNote error={query.error} onRetry={() => void query.fetchNextPage()} />
              : <NoVersions version={version} isRead={isRead} />}
            {...version === undefined ? { more: moreOf(query) } : {}}
          />
        )}
      </Loaded>
      {restored === undefined ? null : (
        <ConfirmDialog
          onClose={() => setRestored(undefined)}
          title={`Restore version ${formatCount(restored.version)}?`}
          action="Restore"
          onConfirm={() =>
            call("POST /api/v1/vfs/volumes/{id}/restore", {
              path: { id: volume.id },
              body: { version: restored.version },
            })}
          refresh={["volume"]}
          done={`Restored version ${formatCount(restored.version)} as a new version`}
        >
          <p>This creates a new version with the files of the old one. No version is lost.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

/** The rows of all versions that are loaded, or of one, which is read wherever it is. */
function useRows(
  { data, hasNextPage, isFetching, isFetchNextPageError, fetchNextPage }: {
    readonly data:
      | { readonly pages: readonly { readonly list: readonly VolumeVersion[] }[] }
      | undefined;
    readonly hasNextPage: boolean;
    readonly isFetching: boolean;
    readonly isFetchNextPageError: boolean;
    readonly fetchNextPage: () => unknown;
  },
  version: number | undefined,
): { readonly rows: readonly VolumeVersion[]; readonly isRead: boolean } {
  const all = useMemo(() => data?.pages.flatMap(({ list }) => list) ?? [], [data]);
  const isRead = !hasNextPage || (version !== undefined && (all.at(-1)?.version ?? 0) <= version);
  const isMissing = version !== undefined && !isRead;
  useEffect(() => {
    if (isMissing && !isFetching && !isFetchNextPageError) fetchNextPage();
  }, [isMissing, isFetching, isFetchNextPageError, fetchNextPage]);
  const rows = version === undefined ? all : all.filter((one) => one.version === version);
  return { rows, isRead };
}

function NoVersions(
  { version, isRead }: { readonly version: number | undefined; readonly isRead: boolean },
) {
  if (!isRead) return <Loading rows={1} />;
  if (version !== undefined) {
    return (
      <Empty title="This version is no longer kept">
        The list of all versions has what is left.
      </Empty>
    );
  }
  return (
    <Empty title="No versions yet">
      Each change makes a version. Upload files, or let a function write to the volume.
    </Empty>
  );
}

function useColumns(
  volume: Volume,
  onRestore: (version: VolumeVersion) => void,
): readonly Column<VolumeVersion>[] {
  return useMemo(() => [
    { header: "Version", width: "80px", cell: ({ version }) => formatCount(version) },
    timeColumn("Written", 120, ({ createdAt }) => createdAt, { minor: false }),
    { header: "By", width: "220px", minor: true, cell: (version) => <Writer {...version} /> },
    {
      header: "Changed paths",
      minor: true,
      cell: ({ paths, pathCount }) => (
        <span title={visibleText(paths.join("\n"))}>
          <Name value={paths.slice(0, 3).join(", ")} />
          {pathCount > 3 ? ` and ${formatCount(pathCount - 3)} more` : ""}
        </span>
      ),
    },
    {
      header: "Action",
      width: "100px",
      align: "end",
      cell: (version) =>
        version.version === volume.version
          ? <Badge tone="accent">Current</Badge>
          : <Button onClick={() => onRestore(version)}>Restore</Button>,
    },
  ], [volume, onRestore]);
}

function Writer({ invocationId, principalId, restoredVersion }: VolumeVersion) {
  if (invocationId !== undefined) {
    return (
      <Link to="/invocations/$invocationId" params={{ invocationId }}>
        Invocation {shortId(invocationId)}
      </Link>
    );
  }
  const what = restoredVersion === undefined
    ? ""
    : `, restored version ${formatCount(restoredVersion)}`;
  return <span title={principalId}>Request{what}</span>;
}
