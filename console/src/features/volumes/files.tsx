import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { Volume, VolumeEntry } from "../../api/client.ts";
import { Button } from "../../parts/button.tsx";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { Icon } from "../../parts/icon.tsx";
import { PagedTable } from "../../parts/list.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Bytes, Name, timeColumn } from "../../parts/values.tsx";
import { deleteFile, entriesQuery } from "./queries.ts";
import { Upload } from "./upload.tsx";

/** One directory of a volume. Files that are dropped on it are uploaded. */
export function Files(
  { volume, directory }: { readonly volume: Volume; readonly directory: string },
) {
  const [deleted, setDeleted] = useState<VolumeEntry>();
  const query = useInfiniteQuery(entriesQuery(volume.id, directory));
  const columns = useColumns(volume.id, setDeleted);
  return (
    <Upload volume={volume} directory={directory}>
      <Path volume={volume} path={directory} />
      <PagedTable
        query={query}
        label={`Files in ${directory === "" ? "the root" : directory}`}
        columns={columns}
        rowId={({ path }) => path}
        empty={
          <Empty title="This directory is empty">
            Drop files or folders here to upload them.
          </Empty>
        }
      />
      {deleted === undefined ? null : (
        <ConfirmDialog
          onClose={() => setDeleted(undefined)}
          title={`Delete this ${deleted.type}?`}
          action="Delete"
          danger
          onConfirm={() => deleteFile(volume.id, deleted.path)}
          refresh={["volume"]}
        >
          <p>
            <Name value={deleted.path} />
          </p>
          <p className="muted">You can restore earlier versions from the history.</p>
        </ConfirmDialog>
      )}
    </Upload>
  );
}

/** The directories down to a path, each a link, and its own name. */
export function Path({ volume, path }: { readonly volume: Volume; readonly path: string }) {
  const parts = path.split("/").filter((part) => part !== "");
  const last = parts.length - 1;
  return (
    <nav className="volumes-path" aria-label="Path">
      <Link
        to="/volumes/$volumeId"
        params={{ volumeId: volume.id }}
        search={{}}
        activeOptions={{ exact: true }}
      >
        {volume.displayName === "" ? "root" : <Name value={volume.displayName} />}
      </Link>
      {parts.map((part, index) => (
        <span key={index}>
          <span aria-hidden="true">/</span>
          {index === last
            ? (
              <span aria-current="page">
                <Name value={part} />
              </span>
            )
            : (
              <Link
                to="/volumes/$volumeId"
                params={{ volumeId: volume.id }}
                search={{ directory: `/${parts.slice(0, index + 1).join("/")}` }}
              >
                <Name value={part} />
              </Link>
            )}
        </span>
      ))}
    </nav>
  );
}

function useColumns(
  volumeId: string,
  onDelete: (entry: VolumeEntry) => void,
): readonly Column<VolumeEntry>[] {
  return useMemo(() => [
    {
      header: "Name",
      cell: ({ path, type }) => (
        <Link
          to="/volumes/$volumeId"
          params={{ volumeId }}
          search={type === "file" ? { file: path } : { directory: path }}
          className="volumes-entry"
        >
          <Icon name={type === "file" ? "file" : "folder"} />
          <Name value={path.split("/").at(-1) ?? path} />
        </Link>
      ),
    },
    {
      header: "Size",
      width: "110px",
      align: "end",
      cell: ({ type, size }) => type === "file" ? <Bytes value={Number(size)} /> : null,
    },
    timeColumn("Modified", 120, ({ modifiedAt }) => modifiedAt),
    {
      header: "Action",
      width: "60px",
      align: "end",
      cell: (entry) => (
        <Button
          look="plain"
          className="button-icon"
          aria-label={`Delete ${entry.path}`}
          onClick={() => onDelete(entry)}
        >
          <Icon name="trash" />
        </Button>
      ),
    },
  ], [volumeId, onDelete]);
}
