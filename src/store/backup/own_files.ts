/** The files of a backup that is being written: no file of somebody else is followed, overwritten or deleted. */
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ifExists, syncDirectory, syncFile, writeAll } from "../../shared/files.ts";
import { BackupError } from "./backup_error.ts";

/** How the names of files begin that a backup has only while it is written, and that of the lock of a folder. */
export const OWN_PREFIX = ".invoked-";
/**
 * Bytes after which a file is synced: a disk that writes much at once would delay the writes of a server on the same
 * disk.
 */
const SYNC_BYTES = 8 * 1024 * 1024;
/** The content of a lock. A lock without it was made just before a kill, and proves nothing. */
const MARK = new TextEncoder().encode("lock of invoked backup\n");
/** How often a lock is tried: a backup that removes what others left holds their locks for a moment. */
const LOCK_TRIES = 20;
const LOCK_RETRY_MS = 100;

/** A new file (0600) that is synced as it grows. */
export class SyncedFile implements Disposable {
  #unsynced = 0;

  private constructor(private readonly file: Deno.FsFile, private readonly path: string) {}

  /** @throws BackupError if the path exists, as a link, too */
  static async create(path: string): Promise<SyncedFile> {
    const file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 })
      .catch((error) => {
        throw error instanceof Deno.errors.AlreadyExists ? foreign(path) : error;
      });
    return new SyncedFile(file, path);
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

/**
 * The lock of what is written beside it. Its content proves that an earlier backup made what has the names of the
 * backup's own files, so only then is this deleted.
 */
export class OwnLock implements Disposable {
  private constructor(
    private readonly file: Deno.FsFile,
    private readonly path: string,
    /** Whether an earlier backup has marked the lock. */
    readonly isProof: boolean,
  ) {}

  /**
   * Takes a lock, and makes it if it is missing.
   * @returns undefined if another process holds it
   * @throws BackupError if the path is no lock of this user or of the directory's owner
   */
  static async tryTake(path: string): Promise<OwnLock | undefined> {
    for (let tries = 0; tries < LOCK_TRIES; tries++) {
      const file = await openLock(path);
      if (file === undefined) continue;
      if (!await file.tryLock(true)) {
        file.close();
        return undefined;
      }
      // A process that has ended its backup may have removed the file between the opening and the lock.
      if (isSame(await file.stat(), await infoOf(path))) {
        return new OwnLock(file, path, await hasMark(file));
      }
      file.close();
    }
    return undefined;
  }

  /** @param what another backup writes @throws BackupError */
  static async take(path: string, what: string): Promise<OwnLock> {
    for (let tries = 0; tries < LOCK_TRIES; tries++) {
      const lock = await OwnLock.tryTake(path);
      if (lock !== undefined) return lock;
      await delay(LOCK_RETRY_MS);
    }
    throw new BackupError(
      `Another backup writes ${what} now`,
      "wait for its end, or name another target",
    );
  }

  /** Marks the lock, durably, before anything is made that the mark proves. */
  async mark(): Promise<void> {
    if (this.isProof) return;
    await this.file.truncate();
    await this.file.seek(0, Deno.SeekMode.Start);
    await writeAll(this.file, MARK);
    await syncFile(this.file, this.path);
    await syncDirectory(dirname(this.path));
  }

  /** Removes the file while it is locked; {@link tryTake} relies on that. */
  async remove(): Promise<void> {
    await Deno.remove(this.path);
  }

  [Symbol.dispose](): void {
    this.file.close();
  }
}

/** @returns undefined if the file came or went meanwhile */
async function openLock(path: string): Promise<Deno.FsFile | undefined> {
  const info = await infoOf(path);
  if (info === undefined) {
    return await Deno.open(path, { read: true, write: true, createNew: true, mode: 0o600 })
      .catch((error) => {
        if (error instanceof Deno.errors.AlreadyExists) return undefined;
        throw error;
      });
  }
  // The owner of the directory may replace everything in there, so the lock of this owner proves as much.
  const owners = [Deno.uid(), (await Deno.stat(dirname(path))).uid];
  if (!info.isFile || info.nlink !== 1 || !owners.includes(info.uid)) throw foreign(path);
  const file = await ifExists(Deno.open(path, { read: true, write: true }));
  if (file === undefined || isSame(await file.stat(), info)) return file;
  file.close();
  return undefined;
}

async function hasMark(file: Deno.FsFile): Promise<boolean> {
  const bytes = new Uint8Array(MARK.length + 1);
  const length = await file.read(bytes) ?? 0;
  return length === MARK.length && MARK.every((byte, at) => bytes[at] === byte);
}

function isSame(a: Deno.FileInfo, b: Deno.FileInfo | undefined): boolean {
  return b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

/** What a path names, without following a link; undefined if nothing. */
export async function infoOf(path: string): Promise<Deno.FileInfo | undefined> {
  return await ifExists(Deno.lstat(path));
}

/** Makes a directory (0700) that must be new. @throws BackupError */
export async function makeDirectory(path: string): Promise<void> {
  await Deno.mkdir(path, { mode: 0o700 }).catch((error) => {
    throw error instanceof Deno.errors.AlreadyExists ? foreign(path) : error;
  });
}

function foreign(path: string): BackupError {
  return new BackupError(
    `${path} exists, and no backup of this user made it; a backup overwrites and deletes nothing else`,
    "remove it, or name another target",
  );
}
