/**
 * Where a backup is read from. A backup is treated as an attack: each file must be the next one of a list, under a name
 * that the list allows, and nothing but regular files is read.
 */
import { createTarDecoder, type ParsedTarEntry } from "modern-tar";
import { basename, join } from "node:path";
import { exists, readAt } from "../../shared/files.ts";
import { checkTarHeaders } from "../../shared/tar_headers.ts";
import { BackupError } from "./backup_error.ts";
import { isContent, MANIFEST_FILE, notABackup } from "./manifest.ts";
import { backupsIn, isArchiveName } from "./targets.ts";

const STEP_BYTES = 256 * 1024;

/** A file of a backup. Its bytes are read to their end, or not at all. */
export interface SourceFile {
  /** Bytes, as the archive or the file system says. */
  readonly size: number;
  bytes(): AsyncIterable<Uint8Array>;
}

/** A backup that is read once, in the order of its files. */
export interface BackupSource extends AsyncDisposable {
  /** Names it in messages. */
  readonly name: string;
  /** Bytes of the whole archive; undefined for a folder, whose backups share contents. */
  readonly bytes: number | undefined;
  /** The next file. @throws BackupError if it is another one than expected, or no regular file */
  next(path: string): Promise<SourceFile>;
  /** Checks that nothing follows. @throws BackupError */
  end(): Promise<void>;
}

/**
 * Opens an archive, or a backup in a folder.
 * @param chosen the name of a backup in a folder; undefined for the newest
 * @throws BackupError
 */
export async function openSource(path: string, chosen: string | undefined): Promise<BackupSource> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (info === undefined) {
    throw new BackupError(
      `Backup ${path} does not exist`,
      "name an archive, or a folder of backups",
    );
  }
  if (info.isFile) {
    if (chosen === undefined) return await ArchiveSource.open(path, info.size);
    throw new BackupError(`Archive ${path} has one backup`, "omit --backup, which is for folders");
  }
  if (isArchiveName(path)) throw new BackupError(`${path} is not a file`, "name an archive");
  // What `tar -x` made of an archive is a backup, too.
  if (await exists(join(path, MANIFEST_FILE))) return new FolderSource(path, path);
  const all = await backupsIn(path);
  const name = chosen ?? all.at(-1);
  if (name === undefined) {
    throw new BackupError(`Folder ${path} has no backup`, "name a folder of invoked backup");
  }
  if (all.includes(name)) return new FolderSource(join(path, name), path);
  throw new BackupError(
    `Folder ${path} has no backup ${JSON.stringify(name)}`,
    `its newest is ${all.at(-1) ?? "missing"}`,
  );
}

class ArchiveSource implements BackupSource {
  readonly #entries: AsyncIterator<ParsedTarEntry>;
  #piped: Promise<void>;

  private constructor(readonly name: string, readonly bytes: number, file: Deno.FsFile) {
    const decoder = createTarDecoder({ strict: true });
    const checked = file.readable.pipeThrough(
      checkTarHeaders((entry, why) => notABackup(name, `entry ${JSON.stringify(entry)}: ${why}`)),
    );
    this.#piped = checked.pipeTo(decoder.writable);
    this.#piped.catch(() => {});
    this.#entries = decoder.readable[Symbol.asyncIterator]();
  }

  static async open(path: string, size: number): Promise<ArchiveSource> {
    return new ArchiveSource(path, size, await Deno.open(path));
  }

  async next(path: string): Promise<SourceFile> {
    const { value: entry, done } = await this.#read(() => this.#entries.next());
    if (done || entry === undefined) throw notABackup(this.name, `it ends before ${path}`);
    const { name, type = "file", size } = entry.header;
    if (name !== path || type !== "file") {
      const found = JSON.stringify(name.slice(0, 200));
      throw notABackup(this.name, `it has the ${type} ${found} in place of the file ${path}`);
    }
    return { size, bytes: () => this.#bytesOf(entry.body) };
  }

  async *#bytesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
    const reader = body.getReader();
    for (;;) {
      const { value, done } = await this.#read(() => reader.read());
      if (done || value === undefined) return;
      yield value;
    }
  }

  async end(): Promise<void> {
    const { value: entry, done } = await this.#read(() => this.#entries.next());
    if (!done && entry !== undefined) {
      throw notABackup(this.name, `its list lacks the entry ${JSON.stringify(entry.header.name)}`);
    }
    await this.#read(() => this.#piped);
  }

  /** Errors of the decoder say what is wrong with the archive; errors of the disk have a code. */
  async #read<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof BackupError || !(error instanceof Error) || "code" in error) throw error;
      throw notABackup(this.name, error.message);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#entries.return?.().catch(() => {});
    await this.#piped.catch(() => {});
  }
}

class FolderSource implements BackupSource {
  readonly name: string;
  readonly bytes = undefined;

  /** @param contents the directory of the contents, which other backups may share */
  constructor(private readonly path: string, private readonly contents: string) {
    this.name = path;
  }

  async next(path: string): Promise<SourceFile> {
    const file = join(isContent(path) ? this.contents : this.path, path);
    const info = await Deno.lstat(file).catch(() => undefined);
    if (info === undefined) throw notABackup(this.name, `file ${path} is missing`);
    if (!info.isFile) throw notABackup(this.name, `${path} is not a regular file`);
    return { size: info.size, bytes: () => bytesOf(file, info.size) };
  }

  end(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

async function* bytesOf(path: string, size: number): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  for (let at = 0; at < size;) {
    const bytes = await readAt(file, at, Math.min(STEP_BYTES, size - at));
    if (bytes.length === 0) throw notABackup(path, `${basename(path)} became shorter`);
    yield bytes;
    at += bytes.length;
  }
}
