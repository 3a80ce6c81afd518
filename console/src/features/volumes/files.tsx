import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { Volume, VolumeEntry } from "../../api/client.ts";
import { Button } from "../../parts/button.tsx";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Empty, Loaded } from "../../parts/states.tsx";
import { type Column, DataTable, moreOf } from "../../parts/table.tsx";
import { Bytes, Name, Time } from "../../parts/values.tsx";
import { deleteFile, entriesQuery } from "./queries.ts";
import { Upload } from "./upload.tsx";

/** One directory of a volume. Files that are dropped on it are uploaded. */
export function Files(
  { volume, directory }: { readonly volume: Volume; readonly directory: string },
) {
  const [deleted, setDeleted] = useState<VolumeEntry>();
  const queries = useQueryClient();
  const query = useInfiniteQuery(entriesQuery(volume.id, directory));
  const columns = useColumns(volume.id, setDeleted);
  const remove = async () => {
    if (deleted !== undefined) await deleteFile(volume.id, deleted.path);
    await queries.invalidateQueries({ queryKey: ["volume"] });
  };
  return (
    <Upload volume={volume} directory={directory}>
      <Path volume={volume} path={directory} />
      <Loaded query={query}>
        {({ pages }) => (
          <DataTable
            label={`Files in ${directory === "" ? "the root" : directory}`}
            columns={columns}
            rows={pages.flatMap(({ list }) => list)}
            rowId={({ path }) => path}
            empty={
              <Empty title="This directory is empty">
                Drop files or folders here to upload them.
              </Empty>
            }
            more={moreOf(query)}
          />
        )}
      </Loaded>
      <ConfirmDialog
        open={deleted !== undefined}
        onClose={() => setDeleted(undefined)}
        title={`Delete this ${deleted?.type ?? "file"}?`}
        action="Delete"
        danger
        onConfirm={remove}
      >
        <p>
          <Name value={deleted?.path ?? ""} />
        </p>
        <p className="muted">You can restore earlier versions from the history.</p>
      </ConfirmDialog>
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
      id: "name",
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
      id: "size",
      header: "Size",
      width: "110px",
      align: "end",
      cell: ({ type, size }) => type === "file" ? <Bytes value={Number(size)} /> : null,
    },
    {
      id: "modified",
      header: "Modified",
      width: "120px",
      minor: true,
      cell: ({ modifiedAt }) => <Time value={modifiedAt} />,
    },
    {
      id: "action",
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
