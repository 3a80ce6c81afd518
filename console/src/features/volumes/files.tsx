import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type DragEvent, type ReactNode, useMemo, useRef, useState } from "react";
import type { Volume, VolumeEntry } from "../../api/client.ts";
import { Button } from "../../parts/button.tsx";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { countOf, formatBytes, formatCount } from "../../parts/format.ts";
import { Icon } from "../../parts/icon.tsx";
import { PagedTable } from "../../parts/list.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { toast, toastError } from "../../parts/toasts.tsx";
import { Bytes, Name, timeColumn } from "../../parts/values.tsx";
import { errorText } from "../../parts/violations.ts";
import { deleteFile, entriesQuery, writeFile } from "./queries.ts";

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

/** Uploads at the same time. */
const CONCURRENCY = 3;

interface Progress {
  readonly done: number;
  readonly total: number;
}

/** A file to upload, with its path below the directory that it goes to. */
interface PickedFile {
  readonly path: string;
  readonly file: File;
}

/** A directory that takes files: dropped, or picked with a button. */
function Upload({ volume, directory, children }: {
  readonly volume: Volume;
  readonly directory: string;
  readonly children: ReactNode;
}) {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  const [progress, setProgress] = useState<Progress>();
  const queries = useQueryClient();
  const upload = async (files: readonly PickedFile[]) => {
    if (files.length === 0) return toast("Nothing to upload: the folder is empty");
    setProgress({ done: 0, total: files.length });
    await uploadAll(volume.id, directory, files, (done) => {
      setProgress({ done, total: files.length });
    });
    setProgress(undefined);
    await queries.invalidateQueries({ queryKey: ["volume"] });
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    droppedFiles(event.dataTransfer.items).then(upload)
      .catch((error: unknown) => toastError("Could not read the dropped files", error));
  };
  return (
    <div
      className={`stack volumes-drop ${isOver ? "volumes-drop-over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <div className="row">
        <Button onClick={() => input.current?.click()} busy={progress !== undefined}>
          Upload files
        </Button>
        <input
          ref={input}
          type="file"
          multiple
          hidden
          aria-label="Files to upload"
          onChange={({ target }) => {
            const picked = [...target.files ?? []].map((file) => ({ path: file.name, file }));
            target.value = "";
            void upload(picked);
          }}
        />
        <span role="status" className="muted">
          {progress === undefined
            ? "or drop files and folders here"
            : `${formatCount(progress.done)} of ${countOf(progress.total, "file")} uploaded`}
        </span>
      </div>
      {children}
    </div>
  );
}

async function uploadAll(
  volumeId: string,
  directory: string,
  files: readonly PickedFile[],
  onDone: (done: number) => void,
): Promise<void> {
  const waiting = [...files];
  const failed: string[] = [];
  let done = 0;
  let bytes = 0;
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      try {
        await writeFile(volumeId, `${directory}/${next.path}`, next.file);
        bytes += next.file.size;
      } catch (error) {
        failed.push(`${next.path}: ${errorText(error)}`);
      }
      onDone(++done);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  const uploaded = files.length - failed.length;
  if (uploaded > 0) toast(`Uploaded ${countOf(uploaded, "file")} (${formatBytes(bytes)})`);
  if (failed.length > 0) {
    toast(`${countOf(failed.length, "file")} not uploaded`, {
      description: failed.slice(0, 3).join("\n"),
      tone: "bad",
    });
  }
}

/** Every file in what was dropped, folders with all that is in them. */
async function droppedFiles(items: DataTransferItemList): Promise<readonly PickedFile[]> {
  // Entries must be taken before the first await: the list is empty after the event.
  const entries = [...items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  const all: PickedFile[] = [];
  for (const entry of entries) await collect(entry, all);
  return all;
}

/** One entry after the other: a folder may have any number of them. */
async function collect(entry: FileSystemEntry, all: PickedFile[]): Promise<void> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    all.push({ path: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  for (const child of await childrenOf(entry as FileSystemDirectoryEntry)) {
    await collect(child, all);
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

/** A reader answers at most 100 entries at a time, and none at the end. */
async function childrenOf(directory: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = directory.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject)
    );
    if (batch.length === 0) return all;
    all.push(...batch);
  }
}
