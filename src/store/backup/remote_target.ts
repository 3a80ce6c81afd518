import { Buffer } from "node:buffer";
import { CONTENT_KINDS } from "../contents.ts";
import { BackupError } from "./backup_error.ts";
import { isContent, MANIFEST_FILE } from "./manifest.ts";
import { isOfBackup, remoteBackups } from "./remote_backups.ts";
import type { RemoteFile, RemoteFiles } from "./remote_files.ts";
import { Marker } from "./remote_marker.ts";
import {
  assertNewest,
  type BackupFile,
  type BackupTarget,
  type EarlierContent,
  nameOf,
} from "./targets.ts";

/** How old what an interrupted backup has left becomes: longer than a backup writes its own files. */
const LEFT_MIN_AGE_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * A bucket in which backups share their contents. Its files have the names of a folder on disk. A file is there whole or
 * not at all, nothing is replaced but a content of another size, and the manifest is written last: whatever ends a backup,
 * nothing half written counts as one, and backups at the same time do not harm each other. While the marker is there,
 * nobody removes contents.
 */
export class RemoteTarget implements BackupTarget {
  readonly sharesContents = true;
  readonly #contents: AscendingFiles;
  /** The name of the backup, once it is known. */
  #name: string | undefined;
  #manifest: Uint8Array | undefined;
  /** The files of this backup alone that were written, and the bytes of each. */
  readonly #written = new Map<string, number>();
  #isFinished = false;

  private constructor(
    private readonly files: RemoteFiles,
    readonly workDir: string,
    readonly marker: Marker,
  ) {
    this.#contents = new AscendingFiles(contentsIn(files));
  }

  /**
   * @param workDir an empty directory, for the copy of the database
   * @param before how old what an interrupted backup has left must be to be removed
   * @throws BackupError, ObjectStoreUnusable
   */
  static async open(
    files: RemoteFiles,
    workDir: string,
    before: Date = new Date(Date.now() - LEFT_MIN_AGE_MS),
  ): Promise<RemoteTarget> {
    const claim = await files.claim();
    if (claim !== undefined) {
      throw new BackupError(
        `${files.name} has the contents of a server, which has written the object ${claim}`,
        "name another bucket or prefix",
      );
    }
    await using opened = new AsyncDisposableStack();
    const marker = opened.use(await Marker.set(files, "writing", { conflicts: ["expiring"] }));
    for (const { isComplete, files: left } of await remoteBackups(files)) {
      if (isComplete || left.some(({ storedAt }) => storedAt >= before)) continue;
      for (const { path } of left) await files.delete(path);
    }
    await files.abortWrites(before, isOfBackup);
    opened.move();
    return new RemoteTarget(files, workDir, marker);
  }

  async assertName(createdAt: string): Promise<void> {
    const name = nameOf(createdAt);
    assertNewest(name, (await this.#complete()).at(-1), this.files.name);
    this.#name = name;
  }

  /** By its size: S3 has compared the digest of each upload, and a new download of all contents would cost too much. */
  async earlier(
    path: string,
    _digest: string,
    size: number | undefined,
  ): Promise<EarlierContent> {
    const found = await this.#contents.sizeOf(path);
    if (found === undefined) return "missing";
    return size === undefined || found === size ? "whole" : "changed";
  }

  async add({ path, size, content }: BackupFile): Promise<void> {
    if (path === MANIFEST_FILE) {
      this.#manifest = Buffer.concat(await Array.fromAsync(content()));
      return;
    }
    const to = isContent(path) ? path : this.#pathOf(path);
    if (!isContent(path)) this.#written.set(to, size);
    await this.files.write(to, { size, bytes: content });
  }

  async finish(createdAt: string): Promise<string> {
    const name = nameOf(createdAt);
    // Another backup may have begun later and ended earlier: only the name must be new.
    if ((await this.#complete()).includes(name)) assertNewest(name, name, this.files.name);
    const manifest = this.#manifest;
    if (manifest === undefined) throw new Error("a backup ends without its manifest");
    await this.#assertThere();
    const content = {
      size: manifest.length,
      async *bytes() {
        yield manifest;
      },
    };
    // Too late after a suspension, in which the contents may have been removed.
    await this.files.write(this.#pathOf(MANIFEST_FILE), content, this.marker.time);
    this.#isFinished = true;
    return `${this.files.name}${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using _marker = this.marker;
    if (this.#isFinished) return;
    // Without a service, the next backup removes them.
    try {
      for (const path of this.#written.keys()) await this.files.delete(path);
    } catch {
      // The error of the backup says more.
    }
  }

  /** The names of all complete backups, oldest first. */
  async #complete(): Promise<readonly string[]> {
    const backups = await remoteBackups(this.files);
    return backups.filter(({ isComplete }) => isComplete).map(({ name }) => name);
  }

  /** Another backup takes files that become too old for those of an interrupted one. @throws BackupError */
  async #assertThere(): Promise<void> {
    const listed = (await Array.fromAsync(this.files.list(this.#pathOf("")))).flat();
    const sizes = new Map(listed.map(({ path, size }) => [path, size]));
    for (const [path, size] of this.#written) {
      if (sizes.get(path) === size) continue;
      throw new BackupError(
        `${this.files.name}${path} was removed or replaced while the backup was written`,
        "find out what changes files in the bucket, and repeat the backup",
      );
    }
  }

  #pathOf(file: string): string {
    if (this.#name === undefined) throw new Error("the backup has no name yet");
    return `${this.#name}/${file}`;
  }
}

/** The contents of all backups, in the order of their paths. */
async function* contentsIn(files: RemoteFiles): AsyncGenerator<RemoteFile> {
  for (const kind of CONTENT_KINDS) {
    for await (const listed of files.list(`${kind}/`)) yield* listed;
  }
}

/** Finds files of a long list that is read once. */
class AscendingFiles {
  readonly #files: AsyncIterator<RemoteFile>;
  #next: Promise<IteratorResult<RemoteFile>> | undefined;
  #last = "";

  /** @param files in the order of their paths */
  constructor(files: AsyncIterable<RemoteFile>) {
    this.#files = files[Symbol.asyncIterator]();
  }

  /** @param path behind the path before @returns undefined if the file does not exist */
  async sizeOf(path: string): Promise<number | undefined> {
    if (path <= this.#last) throw new Error(`${path} comes after ${this.#last}`);
    this.#last = path;
    for (;;) {
      this.#next ??= this.#files.next();
      const { done, value } = await this.#next;
      if (done || value.path > path) return undefined;
      this.#next = undefined;
      if (value.path === path) return value.size;
    }
  }
}
