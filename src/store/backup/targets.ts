/** Where a backup is written to: one archive, or a folder in which backups share their contents. */
import { createTarPacker } from "modern-tar";
import { basename, dirname, join } from "node:path";
import { exists, removeAll, syncDirectory } from "../../shared/files.ts";
import { CONTENT_KINDS } from "../contents.ts";
import { BackupError } from "./backup_error.ts";
import { Pace } from "../../shared/pace.ts";
import { digestOfFile } from "./digests.ts";
import { DATABASE_FILE, isContent, MANIFEST_FILE, MASTER_KEY_FILE } from "./manifest.ts";
import { infoOf, makeDirectory, OWN_PREFIX, OwnLock, SyncedFile } from "./own_files.ts";

/** The lock of a folder of backups; it stays, and proves that the contents in the folder are of backups. */
const FOLDER_LOCK = `${OWN_PREFIX}backup.lock`;
/** The directory of a backup that is being written into a folder. */
const PARTIAL_BACKUP = `${OWN_PREFIX}partial`;
/** A content that is being written, in the directory for the copy of the database. */
const PARTIAL_CONTENT = "content";
/** The directory in a folder for the copy of the database. */
const WORK = `${OWN_PREFIX}work`;
/** The name of a backup in a folder: its time. */
export const BACKUP_NAME = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/;
/** What a new folder of backups may not have, because backups use these names. */
const FOLDER_NAMES: readonly string[] = [PARTIAL_BACKUP, WORK, ...CONTENT_KINDS];
/** What no folder of backups may have: it is a data directory, or the files of one backup. */
const OTHER_DATA: readonly string[] = [DATABASE_FILE, MASTER_KEY_FILE, MANIFEST_FILE];
/** The lock of an archive, beside it. */
const ARCHIVE_LOCK = /^\.invoked-(.+\.tar)\.lock$/;

/** A file that is written into a backup. */
export interface BackupFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** The content, checked; it throws after its last byte if it is not what it must be. */
  content(): AsyncIterable<Uint8Array>;
}

/** Whether an earlier backup has a content: whole, changed, or not at all. */
export type EarlierContent = "whole" | "changed" | "missing";

/** A backup that is being written. Disposing it without {@link finish} removes what was written. */
export interface BackupTarget extends AsyncDisposable {
  /** An empty directory beside the backup, for the copy of the database; it goes with the disposal. */
  readonly workDir: string;
  /** Whether contents are files that backups share, and so are written in any order. */
  readonly sharesContents: boolean;
  /** Checks that the backup can have its name. @throws BackupError */
  assertName(createdAt: string): Promise<void>;
  /**
   * Looks for a content in earlier backups. Asked in the order of paths.
   * @param size bytes, if they are known
   */
  earlier(path: string, digest: string, size: number | undefined): Promise<EarlierContent>;
  /** Writes a file, and replaces a shared content. */
  add(file: BackupFile): Promise<void>;
  /** Makes the backup durable, and gives it its name. @returns its path @throws BackupError */
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

/** The files beside an archive while it is written. */
function filesBeside(path: string) {
  const own = join(dirname(path), `${OWN_PREFIX}${basename(path)}`);
  return { lock: `${own}.lock`, partial: `${own}.partial`, work: `${own}.work` };
}

class Archive implements BackupTarget {
  readonly sharesContents = false;
  readonly #tar = createTarPacker();
  readonly #written: Promise<void>;
  #isFinished = false;

  private constructor(
    private readonly path: string,
    private readonly lock: OwnLock,
    private readonly file: SyncedFile,
  ) {
    this.#written = this.#tar.readable.pipeTo(
      new WritableStream({ write: (chunk) => file.write(chunk) }),
    );
    this.#written.catch(() => {});
  }

  static async open(path: string): Promise<Archive> {
    await assertNew(path);
    await removeLeftBeside(path);
    const { lock: lockPath, partial, work } = filesBeside(path);
    await using opened = new AsyncDisposableStack();
    const lock = opened.use(await OwnLock.take(lockPath, path));
    opened.defer(() => lock.remove());
    if (lock.isProof) { for (const left of [partial, work]) await removeAll(left); }
    await lock.mark();
    const file = opened.use(await SyncedFile.create(partial));
    opened.defer(() => removeAll(partial));
    await makeDirectory(work);
    opened.move();
    return new Archive(path, lock, file);
  }

  get workDir(): string {
    return filesBeside(this.path).work;
  }

  async assertName(): Promise<void> {
    await assertNew(this.path);
  }

  earlier(): Promise<EarlierContent> {
    return Promise.resolve("missing");
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
    const { partial } = filesBeside(this.path);
    await publishFile(partial, this.path);
    await removeAll(partial);
    this.#isFinished = true;
    await syncDirectory(dirname(this.path));
    return this.path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { partial, work } = filesBeside(this.path);
    if (!this.#isFinished) {
      this.#tar.controller.error(new Error("the backup ends"));
      await this.#written.catch(() => {});
    }
    this.file[Symbol.dispose]();
    using lock = this.lock;
    await removeAll(partial);
    await removeAll(work);
    await lock.remove();
  }
}

/** @throws BackupError */
async function assertNew(path: string): Promise<void> {
  if (await infoOf(path) !== undefined) throw existing(path);
}

function existing(path: string): BackupError {
  return new BackupError(`${path} exists, and a backup overwrites nothing`, "name a new file");
}

/** Gives a file its name. Unlike a rename, a link overwrites nothing that was made meanwhile. @throws BackupError */
async function publishFile(partial: string, path: string): Promise<void> {
  try {
    await Deno.link(partial, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw existing(path);
    if (!HAS_NO_LINKS.includes((error as { code?: unknown }).code)) throw error;
    await assertNew(path);
    await Deno.rename(partial, path);
  }
}

/** What a file system without links, such as exFAT, answers. */
const HAS_NO_LINKS: readonly unknown[] = ["EPERM", "ENOSYS", "EOPNOTSUPP", "ENOTSUP"];

/** Removes what killed backups have left of other archives in the same directory. */
async function removeLeftBeside(path: string): Promise<void> {
  const directory = dirname(path);
  for await (const { name } of Deno.readDir(directory)) {
    const archive = ARCHIVE_LOCK.exec(name)?.[1];
    if (archive === undefined || archive === basename(path)) continue;
    const { lock: lockPath, partial, work } = filesBeside(join(directory, archive));
    // What is not ours, or cannot be removed, is no concern of this backup.
    using lock = await OwnLock.tryTake(lockPath).catch(() => undefined);
    if (lock === undefined) continue;
    try {
      if (lock.isProof) { for (const left of [partial, work]) await removeAll(left); }
      await lock.remove();
    } catch (error) {
      if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    }
  }
}

class Folder implements BackupTarget {
  readonly sharesContents = true;
  readonly workDir: string;
  /** Directories of the folder that are there, and are synced at the end. */
  readonly #directories = new Set<string>();
  readonly #pace = new Pace();

  private constructor(private readonly path: string, private readonly lock: OwnLock) {
    this.workDir = join(path, WORK);
  }

  static async open(path: string): Promise<Folder> {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    const names = await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
    const other = names.find((name) => OTHER_DATA.includes(name));
    if (other !== undefined) throw conflict(path, other);
    await using opened = new AsyncDisposableStack();
    const lock = opened.use(await OwnLock.take(join(path, FOLDER_LOCK), path));
    if (!lock.isProof) {
      const used = names.find((name) => FOLDER_NAMES.includes(name) || BACKUP_NAME.test(name));
      if (used !== undefined) {
        await lock.remove();
        throw conflict(path, used);
      }
    }
    await lock.mark();
    const folder = new Folder(path, lock);
    for (const name of [PARTIAL_BACKUP, WORK]) {
      await removeAll(join(path, name));
      await makeDirectory(join(path, name));
    }
    opened.move();
    return folder;
  }

  /** The name orders backups, and a restore takes the last. */
  async assertName(createdAt: string): Promise<void> {
    const name = nameOf(createdAt);
    const names = await Array.fromAsync(Deno.readDir(this.path), (entry) => entry.name);
    const last = names.filter((each) => BACKUP_NAME.test(each)).sort().at(-1);
    assertNewest(name, last, `Folder ${this.path}`);
  }

  async earlier(path: string, digest: string): Promise<EarlierContent> {
    const file = join(this.path, path);
    const info = await infoOf(file);
    if (info === undefined) return "missing";
    if (!info.isFile || await digestOfFile(file, this.#pace) !== digest) return "changed";
    // The backup that wrote the content may have been killed before its name was durable.
    await this.#useDirectory(dirname(path));
    return "whole";
  }

  async add({ path, content }: BackupFile): Promise<void> {
    const isShared = isContent(path);
    const to = isShared ? join(this.path, path) : join(this.path, PARTIAL_BACKUP, path);
    // A content has its name once it is whole, because other backups share it.
    const written = isShared ? join(this.workDir, PARTIAL_CONTENT) : to;
    await this.#useDirectory(isShared ? dirname(path) : join(PARTIAL_BACKUP, dirname(path)));
    try {
      using file = await SyncedFile.create(written);
      for await (const bytes of content()) await file.write(bytes);
      await file.sync();
      if (isShared) await Deno.rename(written, to);
    } catch (error) {
      await Deno.remove(written).catch(() => {});
      throw error;
    }
  }

  /** Makes a directory of the folder with its parents, and syncs them in the end. @throws BackupError for a link */
  async #useDirectory(path: string): Promise<void> {
    if (this.#directories.has(path) || path === ".") return;
    await this.#useDirectory(dirname(path));
    const directory = join(this.path, path);
    const info = await infoOf(directory);
    if (info === undefined) await makeDirectory(directory);
    else if (!info.isDirectory) throw conflict(this.path, path);
    this.#directories.add(path);
  }

  async finish(createdAt: string): Promise<string> {
    for (const directory of this.#directories) await syncDirectory(join(this.path, directory));
    await this.assertName(createdAt);
    const path = join(this.path, nameOf(createdAt));
    await Deno.rename(join(this.path, PARTIAL_BACKUP), path);
    await syncDirectory(this.path);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using _lock = this.lock;
    await removeAll(join(this.path, PARTIAL_BACKUP));
    await removeAll(this.workDir);
  }
}

function conflict(path: string, name: string): BackupError {
  return new BackupError(
    `Folder ${path} has other data under a name that backups use: ${JSON.stringify(name)}`,
    "name a new folder, or an archive that ends with .tar",
  );
}

/** The name of a backup in a folder. */
export function nameOf(createdAt: string): string {
  return createdAt.replaceAll(":", "-");
}

/**
 * Checks that a new backup would be the newest.
 * @param last the name of the newest backup @param folder names the folder in the message
 * @throws BackupError
 */
export function assertNewest(name: string, last: string | undefined, folder: string): void {
  if (last === undefined || last < name) return;
  throw new BackupError(
    `${folder} has backup ${last}, so ${name} would not be its newest: names order backups, and a restore takes the ` +
      "last; the clock was set back",
    "correct the clock, or name another folder",
  );
}

/** The backups in a folder, oldest first. */
export async function backupsIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for (const name of await namesOfBackups(folder)) {
    if (await exists(join(folder, name, MANIFEST_FILE))) names.push(name);
  }
  return names;
}

/** The directories in a folder that have names of backups, oldest first. */
export async function namesOfBackups(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  const isBackup = ({ name, isDirectory }: Deno.DirEntry) => isDirectory && BACKUP_NAME.test(name);
  return entries.filter(isBackup).map(({ name }) => name).sort();
}
