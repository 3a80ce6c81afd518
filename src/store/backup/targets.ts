/** Where a backup is written to: one archive, or a folder in which backups share their contents. */
import { createTarPacker } from "modern-tar";
import { basename, dirname, join } from "node:path";
import { exists, sizeOf, syncDirectory, syncFile, writeAll } from "../../shared/files.ts";
import { BackupError } from "./backup_error.ts";
import { isContent, MANIFEST_FILE } from "./manifest.ts";

/**
 * Bytes after which a file is synced: a disk that writes much at once would delay the writes of a server on the same
 * disk.
 */
const SYNC_BYTES = 8 * 1024 * 1024;
/** The file in a folder of backups that one backup locks. */
const FOLDER_LOCK = "lock";
/** The directory of a backup that is being written into a folder. */
const PARTIAL_BACKUP = "partial";
/** The directory in a folder for the copy of the database. */
const WORK = "work";
/** What a folder of backups has: its lock, contents, and a directory for each backup, named by its time. */
const FOLDER_NAME =
  /^(?:lock|partial|work|commit-blobs|volume-blobs|\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z)$/;

/** A file that is written into a backup. */
interface BackupFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** The content, checked; it throws after its last byte if it is not what it must be. */
  content(): AsyncIterable<Uint8Array>;
}

/** A backup that is being written. Disposing it without {@link finish} removes what was written. */
export interface BackupTarget extends AsyncDisposable {
  /** An empty directory beside the backup, for the copy of the database; it goes with the disposal. */
  readonly workDir: string;
  /** Whether an earlier backup has the file. */
  has(path: string, size: number): Promise<boolean>;
  add(file: BackupFile): Promise<void>;
  /** Makes the backup durable, and gives it its name. @returns its path */
  finish(createdAt: string): Promise<string>;
}

/** Opens the target of a backup: an archive for a name that ends with `.tar`, otherwise a folder. @throws BackupError */
export function openTarget(path: string): Promise<BackupTarget> {
  return isArchiveName(path) ? Archive.open(path) : Folder.open(path);
}

/** Whether a path names an archive. */
export function isArchiveName(path: string): boolean {
  return path.endsWith(".tar");
}

/** A file that is synced as it grows. */
class SyncedFile implements Disposable {
  #unsynced = 0;

  private constructor(private readonly file: Deno.FsFile, private readonly path: string) {}

  static async open(path: string, options: Deno.OpenOptions): Promise<SyncedFile> {
    return new SyncedFile(await Deno.open(path, { ...options, write: true, mode: 0o600 }), path);
  }

  /** @throws BackupError if another process writes the file */
  async lock(): Promise<void> {
    if (await this.file.tryLock(true)) {
      await this.file.truncate();
      return;
    }
    throw new BackupError(
      `Another backup writes ${this.path} now`,
      "wait for its end, or name another file",
    );
  }

  async write(bytes: Uint8Array): Promise<void> {
    await writeAll(this.file, bytes);
    this.#unsynced += bytes.length;
    if (this.#unsynced >= SYNC_BYTES) await this.sync();
  }

  async sync(): Promise<void> {
    await syncFile(this.file, this.path);
    this.#unsynced = 0;
  }

  [Symbol.dispose](): void {
    this.file.close();
  }
}

class Archive implements BackupTarget {
  readonly #tar = createTarPacker();
  readonly #written: Promise<void>;
  #isFinished = false;

  private constructor(
    private readonly path: string,
    private readonly partial: string,
    private readonly file: SyncedFile,
    readonly workDir: string,
  ) {
    this.#written = this.#tar.readable.pipeTo(
      new WritableStream({ write: (chunk) => file.write(chunk) }),
    );
    this.#written.catch(() => {});
  }

  static async open(path: string): Promise<Archive> {
    if (await exists(path)) {
      throw new BackupError(`${path} exists, and a backup overwrites nothing`, "name a new file");
    }
    // One name for each archive: what a killed backup has left, the next one overwrites.
    const partial = `${path}.partial`;
    const file = await SyncedFile.open(partial, { create: true });
    try {
      await file.lock();
      return new Archive(path, partial, file, await emptyDirectory(`${path}.work`));
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  }

  has(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async add({ path, size, content }: BackupFile): Promise<void> {
    const body = this.#tar.controller.add({ name: path, type: "file", size, mode: 0o600 })
      .getWriter();
    // Otherwise a failure of the disk ends the process, because nobody waits for it.
    body.closed.catch(() => {});
    try {
      for await (const bytes of content()) await body.write(bytes);
      await body.close();
    } catch (error) {
      this.#tar.controller.error(error);
      // The disk failed, rather than the content.
      await this.#written;
      throw error;
    }
  }

  async finish(): Promise<string> {
    this.#tar.controller.finalize();
    await this.#written;
    await this.file.sync();
    await Deno.rename(this.partial, this.path);
    this.#isFinished = true;
    await syncDirectory(dirname(this.path));
    return this.path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isFinished) {
      this.#tar.controller.error(new Error("the backup ends"));
      await this.#written.catch(() => {});
      await Deno.remove(this.partial).catch(() => {});
    }
    await removeDirectory(this.workDir);
    this.file[Symbol.dispose]();
  }
}

class Folder implements BackupTarget {
  readonly #directories = new Set<string>();
  readonly workDir: string;

  private constructor(private readonly path: string, private readonly lock: Deno.FsFile) {
    this.workDir = join(path, WORK);
  }

  static async open(path: string): Promise<Folder> {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    for await (const { name } of Deno.readDir(path)) {
      if (FOLDER_NAME.test(name)) continue;
      throw new BackupError(
        `Folder ${path} has other files than backups, such as ${JSON.stringify(name)}`,
        "name a new folder, or an archive that ends with .tar",
      );
    }
    const lock = await Deno.open(join(path, FOLDER_LOCK), {
      create: true,
      write: true,
      mode: 0o600,
    });
    if (!await lock.tryLock(true)) {
      lock.close();
      throw new BackupError(`Another backup writes into ${path} now`, "wait for its end");
    }
    const folder = new Folder(path, lock);
    await emptyDirectory(join(path, PARTIAL_BACKUP));
    await emptyDirectory(folder.workDir);
    return folder;
  }

  async has(path: string, size: number): Promise<boolean> {
    return isContent(path) && await sizeOf(join(this.path, path)) === size;
  }

  async add({ path, content }: BackupFile): Promise<void> {
    const isShared = isContent(path);
    const to = isShared ? join(this.path, path) : join(this.path, PARTIAL_BACKUP, path);
    await Deno.mkdir(dirname(to), { recursive: true, mode: 0o700 });
    // A content has its name once it is whole, because other backups share it.
    const written = isShared ? join(dirname(to), `.${basename(to)}`) : to;
    try {
      using file = await SyncedFile.open(written, { create: true, truncate: true });
      for await (const bytes of content()) await file.write(bytes);
      await file.sync();
    } catch (error) {
      await Deno.remove(written).catch(() => {});
      throw error;
    }
    if (isShared) await Deno.rename(written, to);
    this.#directories.add(dirname(to));
  }

  async finish(createdAt: string): Promise<string> {
    for (const directory of this.#directories) await syncDirectory(directory);
    for (const kind of ["commit-blobs", "volume-blobs"]) {
      if (await exists(join(this.path, kind))) await syncDirectory(join(this.path, kind));
    }
    const partial = join(this.path, PARTIAL_BACKUP);
    await syncDirectory(partial);
    const path = join(this.path, createdAt.replaceAll(":", "-"));
    await Deno.rename(partial, path);
    await syncDirectory(this.path);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeDirectory(join(this.path, PARTIAL_BACKUP));
    await removeDirectory(this.workDir);
    this.lock.close();
  }
}

/** Makes a directory, without what a killed backup has left in it. */
async function emptyDirectory(path: string): Promise<string> {
  await removeDirectory(path);
  await Deno.mkdir(path, { mode: 0o700 });
  return path;
}

async function removeDirectory(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/** The backups in a folder, oldest first. */
export async function backupsIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const isBackup = isDirectory && /^\d/.test(name) && FOLDER_NAME.test(name);
    if (isBackup && await exists(join(folder, name, MANIFEST_FILE))) names.push(name);
  }
  return names.sort();
}
