import { assertPublished, tooShort, wasChanged } from "./errors.ts";
import { createHash } from "node:crypto";
import type { StagedBlob } from "../../store/blobs/staged_blob.ts";
import { BlobError } from "../../store/blobs/blob_error.ts";
import type { BlobReader, PublishedBlob, VolumeBlobs } from "../../store/blobs/volume_blobs.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { VolumeEntryRow, VolumeRow } from "../../store/volumes.ts";
import { blobMissing, DomainError, invalid } from "../errors.ts";
import type { Principal } from "../identity/mod.ts";
import { locks } from "../locks.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { checkPreconditions, type Preconditions } from "../preconditions.ts";
import { ancestorsOf, PathError, volumePath } from "./paths.ts";
import type { Snapshots } from "./snapshots.ts";
import {
  type Change,
  fileTooLargeMessage,
  quotaMessage,
  subtree,
  type VolumeLimits,
} from "./write_set.ts";
import { commitRequest, liveVolume, overQuota } from "./volumes.ts";

/** Bytes of a blob that are read in one step. */
const READ_STEP_BYTES = 256 * 1024;

/** The entry of a file: it always has a digest, which is its entity tag. */
type FileEntry = VolumeEntryRow & { readonly kind: "file"; readonly digest: string };

/** A file that does not change while it is read. Disposing it releases its snapshot. */
export interface OpenFile extends Disposable {
  readonly entry: FileEntry;
  /**
   * The bytes from `start` to `end`, exclusive. The end of the stream, or its cancellation, disposes of the file.
   * @throws BLOB_MISSING
   */
  stream(start: number, end: number): Promise<ReadableStream<Uint8Array>>;
}

/** Reads and writes single files of volumes. Each write is a version of its own. */
export class VolumeFiles {
  constructor(
    private readonly store: Store,
    private readonly snapshots: Snapshots,
    private readonly pages: Pages,
    private readonly limits: VolumeLimits,
  ) {}

  /** @throws VOLUME_NOT_FOUND, VOLUME_FILE_NOT_FOUND, VOLUME_PATH_CONFLICT */
  async open(volumeId: string, pathText: string): Promise<OpenFile> {
    const path = requestPath("path", pathText);
    using stack = new DisposableStack();
    const snapshot = stack.use(await this.snapshots.open(volumeId));
    const found = await this.store.read.volumes.entry(volumeId, path, snapshot.version);
    const entry = asFile(found, volumeId, path);
    const held = stack.move();
    return {
      entry,
      stream: async (start, end) => {
        const blob = await openBlob(this.store.volumeBlobs, volumeId, entry);
        held.use(blob);
        return streamBlob(blob, entry, start, end, held);
      },
      [Symbol.dispose]: () => held.dispose(),
    };
  }

  /**
   * Writes a file and creates the missing directories above it. Reads the body to its end or its limit, whichever
   * comes first.
   * @throws VOLUME_NOT_FOUND, VOLUME_PATH_CONFLICT, VOLUME_QUOTA, ETAG_MISMATCH, and what `checkAgain` throws
   */
  async write(by: Principal, volumeId: string, pathText: string, request: {
    readonly body: AsyncIterable<Uint8Array>;
    /** Throws once the rights of the caller have ended, which may happen while the body comes. */
    readonly checkAgain: () => Promise<unknown>;
    readonly preconditions: Preconditions;
  }): Promise<{ readonly entry: FileEntry; readonly created: boolean }> {
    const path = requestPath("path", pathText);
    const volume = await liveVolume(this.store.read, volumeId);
    await using staged = this.store.volumeBlobs.stage();
    await stageBody(staged, request.body, path, volume, this.limits);
    await request.checkAgain();
    return await withPublished(
      this.store.volumeBlobs,
      [staged],
      ([stored]) =>
        this.store.writeLocked(locks.ofVolumeEntries(volumeId), async (tx) => {
          await liveVolume(tx, volumeId);
          const old = await this.#newestFile(tx, volumeId, path);
          checkFile(request.preconditions, path, old?.digest);
          const blob = assertPublished(stored, path);
          const modifiedAt = new Date().toISOString();
          const changes = await missingDirectories(tx, volumeId, path, modifiedAt);
          changes.set(path, { kind: "file", ...blob, modifiedAt });
          await this.#commit(tx, by, volumeId, changes);
          const entry = asFile(
            (await tx.volumes.newest(volumeId, [path])).get(path),
            volumeId,
            path,
          );
          return { entry, created: old === undefined };
        }),
    );
  }

  /**
   * Deletes a file or directory. A directory that is not empty needs `recursive`.
   * @throws VOLUME_NOT_FOUND, VOLUME_FILE_NOT_FOUND, VOLUME_PATH_CONFLICT, ETAG_MISMATCH
   */
  async delete(by: Principal, volumeId: string, pathText: string, request: {
    readonly recursive: boolean;
    readonly preconditions: Preconditions;
  }): Promise<void> {
    const path = requestPath("path", pathText);
    await this.store.writeLocked(locks.ofVolumeEntries(volumeId), async (tx) => {
      await liveVolume(tx, volumeId);
      const entry = (await tx.volumes.newest(volumeId, [path])).get(path);
      if (entry === undefined && path !== "/") throw fileNotFound(volumeId, path);
      checkFile(request.preconditions, path, entry?.digest ?? undefined);
      const changes = new Map<string, Change>();
      for await (const below of subtree(tx, volumeId, path)) {
        if (!request.recursive) {
          throw new DomainError(
            "VOLUME_PATH_CONFLICT",
            `Directory ${
              show(path)
            } of volume ${volumeId} is not empty: delete it with ?recursive=true`,
          );
        }
        changes.set(below, { kind: "removed" });
      }
      if (entry !== undefined) changes.set(path, { kind: "removed" });
      await this.#commit(tx, by, volumeId, changes);
    });
  }

  /** Entries in the order of their paths. @throws VOLUME_NOT_FOUND, VOLUME_FILE_NOT_FOUND, VOLUME_PATH_CONFLICT */
  async entries(
    volumeId: string,
    query: { readonly directory: string; readonly recursive: boolean },
    pageQuery: PageQuery,
  ): Promise<ListPage<VolumeEntryRow>> {
    const directory = requestPath("directory", query.directory);
    const { recursive } = query;
    const page = this.pages.open(["volume entries", volumeId, directory, recursive], pageQuery);
    using snapshot = await this.snapshots.open(volumeId);
    const { version } = snapshot;
    const { volumes } = this.store.read;
    if (directory !== "/") {
      const entry = await volumes.entry(volumeId, directory, version);
      if (entry === undefined && page.after === undefined) throw fileNotFound(volumeId, directory);
      if (entry?.kind === "file") throw notADirectory(volumeId, directory);
    }
    const rows = await volumes.entries({
      volumeId,
      version,
      directory,
      recursive,
      after: page.after ?? "",
      limit: page.size + 1,
    });
    const list = rows.slice(0, page.size);
    const next = rows.length > page.size ? list.at(-1)?.path : undefined;
    return { list, nextPageToken: page.tokenFor(next) };
  }

  /** The file at a path in the newest version. @throws VOLUME_PATH_CONFLICT if it is a directory */
  async #newestFile(tx: Writers, volumeId: string, path: string): Promise<FileEntry | undefined> {
    if (path === "/") throw isADirectory(volumeId, path);
    const entry = (await tx.volumes.newest(volumeId, [path])).get(path);
    return entry === undefined ? undefined : asFile(entry, volumeId, path);
  }

  async #commit(
    tx: Writers,
    by: Principal,
    volumeId: string,
    changes: ReadonlyMap<string, Change>,
  ): Promise<void> {
    const { limits } = this;
    await commitRequest(tx, { volumeId, changes, by: { principalId: by.id }, limits });
  }
}

/** Normalises a path of a request. @throws INVALID_FIELD */
function requestPath(field: string, text: string): string {
  try {
    return volumePath(text);
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    throw invalid({ field, description: `${show(text.slice(0, 200))} ${error.message}` });
  }
}

/** Writes a body into a staged blob. @throws VOLUME_QUOTA at the first byte over a limit */
export async function stageBody(
  staged: StagedBlob,
  body: AsyncIterable<Uint8Array>,
  path: string,
  volume: VolumeRow,
  limits: VolumeLimits,
): Promise<void> {
  for await (const chunk of body) {
    const size = staged.size + chunk.length;
    if (size > limits.maxFileBytes) throw overQuota(fileTooLargeMessage(path, limits));
    if (size > volume.quotaBytes) throw overQuota(quotaMessage(volume, size));
    await staged.write(staged.size, chunk);
  }
}

/** Publishes blobs for a transaction. If it fails, they are deleted again unless something else references them. */
export async function withPublished<T>(
  blobs: VolumeBlobs,
  staged: readonly StagedBlob[],
  write: (published: readonly PublishedBlob[]) => Promise<T>,
): Promise<T> {
  const published = await blobs.publish(staged);
  let written = false;
  try {
    const value = await write(published);
    written = true;
    return value;
  } finally {
    blobs.release(published);
    if (!written) await blobs.collect(published.map(({ digest }) => digest));
  }
}

/** Opens the blob of a file of a volume. @throws BLOB_MISSING */
export async function openBlob(
  blobs: VolumeBlobs,
  volumeId: string,
  { path, digest, size }: Pick<FileEntry, "path" | "digest" | "size">,
): Promise<BlobReader> {
  try {
    return await blobs.open(digest, size);
  } catch (error) {
    if (!(error instanceof BlobError)) throw error;
    throw blobMissing(`Failed to read ${show(path)} of volume ${volumeId}`, error);
  }
}

/**
 * Streams a blob from `start` to `end`. The end of the stream, or its cancellation, disposes of `held`. A whole blob
 * whose content has changed breaks the stream off before its end.
 */
function streamBlob(
  blob: BlobReader,
  { digest, size }: FileEntry,
  start: number,
  end: number,
  held: Disposable,
): ReadableStream<Uint8Array> {
  let at = start;
  const hash = start === 0 && end === size ? createHash("sha256") : undefined;
  const close = () => held[Symbol.dispose]();
  return new ReadableStream({
    async pull(controller) {
      try {
        const bytes = at < end
          ? await blob.read(at, Math.min(end - at, READ_STEP_BYTES))
          : new Uint8Array();
        if (at < end && bytes.length === 0) throw tooShort(digest);
        at += bytes.length;
        hash?.update(bytes);
        if (at === end && hash !== undefined && hash.digest("hex") !== digest) {
          throw wasChanged(digest);
        }
        if (bytes.length > 0) controller.enqueue(bytes);
        if (at < end) return;
        close();
        controller.close();
      } catch (error) {
        close();
        throw error;
      }
    },
    cancel: close,
  }, { highWaterMark: 0 });
}

async function missingDirectories(
  tx: Writers,
  volumeId: string,
  path: string,
  modifiedAt: string,
): Promise<Map<string, Change>> {
  const ancestors = ancestorsOf(path);
  const there = await tx.volumes.newest(volumeId, ancestors);
  const changes = new Map<string, Change>();
  for (const ancestor of ancestors) {
    const kind = there.get(ancestor)?.kind;
    if (kind === "file") throw notADirectory(volumeId, ancestor);
    if (kind === undefined) {
      changes.set(ancestor, { kind: "directory", modifiedAt, mayExist: true });
    }
  }
  return changes;
}

function asFile(entry: VolumeEntryRow | undefined, volumeId: string, path: string): FileEntry {
  if (path === "/" || entry?.kind === "directory") throw isADirectory(volumeId, path);
  if (entry === undefined) throw fileNotFound(volumeId, path);
  const { digest } = entry;
  if (digest === null) {
    throw new Error(`The entry of ${path} in volume ${volumeId} has no digest`);
  }
  return { ...entry, kind: "file", digest };
}

function fileNotFound(volumeId: string, path: string): DomainError {
  return new DomainError(
    "VOLUME_FILE_NOT_FOUND",
    `${show(path)} does not exist in volume ${volumeId}`,
  );
}

function isADirectory(volumeId: string, path: string): DomainError {
  const message = `${show(path)} of volume ${volumeId} is a directory, not a file`;
  return new DomainError("VOLUME_PATH_CONFLICT", message);
}

function notADirectory(volumeId: string, path: string): DomainError {
  const message = `${show(path)} of volume ${volumeId} is a file, not a directory`;
  return new DomainError("VOLUME_PATH_CONFLICT", message);
}

function show(path: string): string {
  return JSON.stringify(path);
}

/** @param etag of the file; undefined if it does not exist @throws ETAG_MISMATCH */
export function checkFile(
  preconditions: Preconditions,
  path: string,
  etag: string | undefined,
): void {
  const current = etag === undefined ? "the file does not exist" : `its ETag is "${etag}"`;
  checkPreconditions(preconditions, etag, `Request for ${JSON.stringify(path)} rejected`, current);
}
