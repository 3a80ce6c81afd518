import { useQueryClient } from "@tanstack/react-query";
import { type DragEvent, type ReactNode, useRef, useState } from "react";
import type { Volume } from "../../api/client.ts";
import { Button } from "../../parts/button.tsx";
import { countOf, formatBytes, formatCount } from "../../parts/format.ts";
import { toast, toastError } from "../../parts/toasts.tsx";
import { errorText } from "../../parts/violations.ts";
import { writeFile } from "./queries.ts";

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
export function Upload({ volume, directory, children }: {
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
