/** A file to upload, with its path below the directory that it goes to. */
export interface PickedFile {
  readonly path: string;
  readonly file: File;
}

/** Every file in what was dropped, folders with all that is in them. */
export async function droppedFiles(items: DataTransferItemList): Promise<readonly PickedFile[]> {
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
