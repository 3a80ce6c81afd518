/** Operations on files beyond Deno's own. */
import { dirname } from "node:path";

/**
 * A sync failed: what was written before it may not be on the disk. The kernel reports a lost write once, so a later
 * sync that succeeds proves nothing.
 */
export class SyncError extends Error {
  override name = "SyncError";

  constructor(path: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`${path} was not synced to the disk: ${reason}`, { cause });
  }
}

/** Makes the content of a file survive a crash of the machine. @throws SyncError */
export async function syncFile(file: Deno.FsFile, path: string): Promise<void> {
  try {
    await file.syncData();
  } catch (error) {
    throw new SyncError(path, error);
  }
}

/** The text of a file in UTF-8, without the byte order mark that some editors write. */
export async function readTextFile(path: string): Promise<string> {
  return new TextDecoder().decode(await Deno.readFile(path));
}

/** Writes all of the bytes at the file's position. */
export async function writeAll(file: Deno.FsFile, content: Uint8Array): Promise<void> {
  for (let written = 0; written < content.length;) {
    written += await file.write(content.subarray(written));
  }
}

/** Reads `length` bytes from an offset; fewer if the file ends before. */
export async function readAt(
  file: Deno.FsFile,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  await file.seek(offset, Deno.SeekMode.Start);
  const buffer = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const read = await file.read(buffer.subarray(filled));
    if (read === null) break;
    filled += read;
  }
  return buffer.subarray(0, filled);
}

/** Writes a file that only its owner can read (0600), atomically and durably. */
export async function writePrivateFile(path: string, content: string): Promise<void> {
  const partial = `${path}.${crypto.randomUUID()}`;
  {
    using file = await Deno.open(partial, { write: true, createNew: true, mode: 0o600 });
    await writeAll(file, new TextEncoder().encode(content));
    await syncFile(file, partial);
  }
  await Deno.rename(partial, path);
  await syncDirectory(dirname(path));
}

/** Makes a file that another library wrote survive a crash of the machine. @throws SyncError */
export async function syncPath(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true });
  await syncFile(file, path);
}

/** Makes a rename in the directory survive a crash of the machine. @throws SyncError */
export async function syncDirectory(path: string): Promise<void> {
  await syncPath(path);
}

/**
 * Whether the owner that a file names, by a path, no longer exists. False for an empty file: another process is just
 * writing it.
 */
export async function isOwnerGone(ownerFile: string): Promise<boolean> {
  const owner = await Deno.readTextFile(ownerFile);
  return owner !== "" && !await exists(owner);
}

export async function exists(path: string): Promise<boolean> {
  return await sizeOf(path) !== undefined;
}

/** The size of a file; undefined if it does not exist. */
export async function sizeOf(path: string): Promise<number | undefined> {
  return (await ifExists(Deno.stat(path)))?.size;
}

/** The result of an operation on a file; undefined if the file does not exist. */
export async function ifExists<Result>(operation: Promise<Result>): Promise<Result | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether a path does not exist. Without a wait: an invocation may wait for the answer. */
export function isMissing(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return false;
  } catch (error) {
    // Or something else is where its directory was.
    const { NotFound, NotADirectory } = Deno.errors;
    if (error instanceof NotFound || error instanceof NotADirectory) return true;
    throw error;
  }
}

/** Removes a file, a link or a whole directory; nothing if the path does not exist. */
export async function removeAll(path: string): Promise<void> {
  await ifExists(Deno.remove(path, { recursive: true }));
}
