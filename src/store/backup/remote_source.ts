import { BackupError } from "./backup_error.ts";
import { isContent, notABackup } from "./manifest.ts";
import { remoteBackups } from "./remote_backups.ts";
import type { RemoteFiles } from "./remote_files.ts";
import type { BackupSource, SourceFile } from "./sources.ts";

/** Bytes that one request reads. */
const STEP_BYTES = 4 * 1024 * 1024;

/**
 * Opens a backup in a bucket.
 * @param chosen its name; undefined for the newest
 * @throws BackupError, ObjectStoreUnusable
 */
export async function openRemoteSource(
  files: RemoteFiles,
  chosen: string | undefined,
): Promise<BackupSource> {
  const names = (await remoteBackups(files)).filter(({ isComplete }) => isComplete)
    .map(({ name }) => name);
  const newest = names.at(-1);
  if (newest === undefined) {
    throw new BackupError(`${files.name} has no backup`, "name the URL of invoked backup");
  }
  const name = chosen ?? newest;
  if (names.includes(name)) return sourceOf(files, name);
  throw new BackupError(
    `${files.name} has no backup ${JSON.stringify(name)}`,
    `its newest is ${newest}`,
  );
}

/** The backup with a name. */
export function sourceOf(files: RemoteFiles, name: string): BackupSource {
  return new RemoteSource(files, name);
}

class RemoteSource implements BackupSource {
  readonly name: string;
  readonly bytes = undefined;

  constructor(private readonly files: RemoteFiles, private readonly backup: string) {
    this.name = `${files.name}${backup}`;
  }

  async next(path: string): Promise<SourceFile> {
    const file = isContent(path) ? path : `${this.backup}/${path}`;
    const begin = await this.files.read(file, 0, STEP_BYTES);
    if (begin === undefined) throw notABackup(this.name, `file ${path} is missing`);
    const { size } = begin;
    return { size, bytes: () => this.#bytesOf(path, file, begin) };
  }

  /** The bytes of a file whose first bytes were read. */
  async *#bytesOf(
    path: string,
    file: string,
    { bytes: first, size }: { readonly bytes: Uint8Array; readonly size: number },
  ): AsyncGenerator<Uint8Array> {
    let at = first.length;
    if (at > 0) yield first;
    while (at < size) {
      const read = await this.files.read(file, at, STEP_BYTES);
      if (read === undefined || read.bytes.length === 0) {
        throw notABackup(this.name, `${path} became shorter`);
      }
      yield read.bytes;
      at += read.bytes.length;
    }
  }

  end(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
