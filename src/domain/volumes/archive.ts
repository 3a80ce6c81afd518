import { assertPublished, tooShort, wasChanged } from "./errors.ts";
import { createHash } from "node:crypto";
import { createTarDecoder, createTarPacker, type ParsedTarEntry } from "modern-tar";
import { formatCount, quoted } from "../../config/mod.ts";
import {
  MemoryBudget,
  SMALL_BLOB_BYTES_MAX,
  type StagedBlob,
} from "../../store/blobs/staged_blob.ts";
import type { PublishedBlob } from "../../store/blobs/volume_blobs.ts";
import type { Store } from "../../store/mod.ts";
import type { VolumeEntryRow, VolumeRow } from "../../store/volumes.ts";
import { DomainError } from "../errors.ts";
import type { Principal } from "../identity/mod.ts";
import { locks } from "../locks.ts";
import { openBlob, stageBody, withPublished } from "./files.ts";
import { ancestorsOf, PathError, volumePath } from "./paths.ts";
import type { Snapshot, Snapshots } from "./snapshots.ts";
import { type Change, quotaMessage, subtree, type VolumeLimits } from "./write_set.ts";
import { checkTarHeaders, SPARSE } from "../../shared/tar_headers.ts";
import { commitRequest, liveVolume, overQuota } from "./volumes.ts";

/** Entries of one query. */
const ENTRIES_PER_STEP = 500;
/** Bytes of a blob that are read in one step. */
const READ_STEP_BYTES = 256 * 1024;
/** Memory for the small files of one archive that is being read. */
const SMALL_FILES_BYTES_MAX = 4 * 1024 * 1024;

/** The tree of a version as a tar. */
interface Archive {
  readonly version: number;
  /** Its end, or its cancellation, releases the snapshot. */
  readonly stream: ReadableStream<Uint8Array>;
}

/** Whole trees of volumes as tar archives. */
export class VolumeArchives {
  constructor(
    private readonly store: Store,
    private readonly snapshots: Snapshots,
    private readonly limits: VolumeLimits,
  ) {}

  /** @throws VOLUME_NOT_FOUND, BLOB_MISSING */
  async read(volumeId: string): Promise<Archive> {
    using opened = new DisposableStack();
    const snapshot = opened.use(await this.snapshots.open(volumeId));
    await this.#checkBlobs(snapshot);
    const held = opened.move();
    const { readable, controller } = createTarPacker();
    this.#pack(snapshot, controller).catch((error) => controller.error(error))
      .finally(() => held.dispose());
    return { version: snapshot.version, stream: readable };
  }

  /**
   * Commits the tree of the archive as a new version. Files with the same content are not written again.
   * @param checkAgain throws once the rights of the caller have ended, which may happen while the body comes
   * @throws VOLUME_NOT_FOUND, ARCHIVE_INVALID, VOLUME_QUOTA, and what `checkAgain` throws
   */
  async replace(
    by: Principal,
    volumeId: string,
    body: ReadableStream<Uint8Array>,
    checkAgain: () => Promise<unknown>,
  ): Promise<VolumeRow> {
    const volume = await liveVolume(this.store.read, volumeId);
    await using unpacked = new Unpacked(this.store, volume, this.limits);
    await unpacked.readAll(body);
    await checkAgain();
    return await withPublished(
      this.store.volumeBlobs,
      unpacked.small,
      (small) =>
        this.store.writeLocked(locks.ofVolumeEntries(volumeId), async (tx) => {
          await liveVolume(tx, volumeId);
          const changes = unpacked.changes(small);
          for await (const path of subtree(tx, volumeId, "/")) {
            if (!changes.has(path)) changes.set(path, { kind: "removed" });
          }
          const there = await tx.volumes.newest(volumeId, [...changes.keys()]);
          for (const [path, change] of changes) {
            if (change.kind === "file" && there.get(path)?.digest === change.digest) {
              changes.delete(path);
            }
          }
          const { limits } = this;
          await commitRequest(tx, { volumeId, changes, by: { principalId: by.id }, limits });
          return await liveVolume(tx, volumeId);
        }),
    );
  }

  /** Before the answer begins, because it cannot change afterwards. @throws BLOB_MISSING */
  async #checkBlobs(snapshot: Snapshot): Promise<void> {
    for await (const { path, digest, size } of this.#entries(snapshot)) {
      if (digest === null || size <= SMALL_BLOB_BYTES_MAX) continue;
      (await openBlob(this.store.volumeBlobs, snapshot.volume.id, { path, digest, size }))
        [Symbol.dispose]();
    }
  }

  async #pack(
    snapshot: Snapshot,
    tar: ReturnType<typeof createTarPacker>["controller"],
  ): Promise<void> {
    for await (const entry of this.#entries(snapshot)) await this.#packEntry(entry, tar);
    tar.finalize();
  }

  async *#entries({ volume, version }: Snapshot): AsyncGenerator<VolumeEntryRow> {
    let after = "";
    for (;;) {
      const rows = await this.store.read.volumes.entries({
        volumeId: volume.id,
        version,
        directory: "/",
        recursive: true,
        after,
        limit: ENTRIES_PER_STEP,
      });
      yield* rows;
      if (rows.length < ENTRIES_PER_STEP) return;
      after = rows.at(-1)?.path ?? "";
    }
  }

  async #packEntry(
    { path, kind, digest, size, modifiedAt }: VolumeEntryRow,
    tar: ReturnType<typeof createTarPacker>["controller"],
  ): Promise<void> {
    const isFile = kind === "file";
    const body = tar.add({
      name: path.slice(1) + (isFile ? "" : "/"),
      type: kind,
      size,
      mtime: new Date(modifiedAt),
    }).getWriter();
    if (isFile && digest !== null && size > 0) {
      using blob = await this.store.volumeBlobs.open(digest, size);
      const hash = createHash("sha256");
      for (let at = 0; at < size;) {
        const bytes = await blob.read(at, READ_STEP_BYTES);
        if (bytes.length === 0) throw tooShort(digest);
        await body.write(bytes);
        hash.update(bytes);
        at += bytes.length;
      }
      if (hash.digest("hex") !== digest) throw wasChanged(digest);
    }
    await body.close();
  }
}

type UnpackedEntry =
  | { readonly kind: "directory"; readonly modifiedAt: string }
  | { readonly kind: "small"; readonly staged: StagedBlob; readonly modifiedAt: string }
  | { readonly kind: "published"; readonly blob: PublishedBlob; readonly modifiedAt: string };

/** An archive that was read: its larger files are published, its small ones staged. */
class Unpacked implements AsyncDisposable {
  readonly #entries = new Map<string, UnpackedEntry>();
  readonly #published: PublishedBlob[] = [];
  readonly #budget = new MemoryBudget(SMALL_FILES_BYTES_MAX);
  #bytes = 0;

  constructor(
    private readonly store: Store,
    private readonly volume: VolumeRow,
    private readonly limits: VolumeLimits,
  ) {}

  /** The staged blobs of small files, in the order of {@link changes}. */
  get small(): StagedBlob[] {
    return [...this.#entries.values()].flatMap((entry) =>
      entry.kind === "small" ? [entry.staged] : []
    );
  }

  /** @param small the published blobs of {@link small}, in their order */
  changes(small: readonly PublishedBlob[]): Map<string, Change> {
    const changes = new Map<string, Change>();
    const blobs = small.values();
    for (const [path, entry] of this.#entries) {
      const { modifiedAt } = entry;
      if (entry.kind === "directory") {
        changes.set(path, { kind: "directory", modifiedAt, mayExist: true });
        continue;
      }
      const blob = assertPublished(
        entry.kind === "published" ? entry.blob : blobs.next().value,
        path,
      );
      changes.set(path, { kind: "file", ...blob, modifiedAt });
    }
    return changes;
  }

  /** @throws ARCHIVE_INVALID, VOLUME_QUOTA */
  async readAll(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = createTarDecoder({ strict: true });
    const checked = body.pipeThrough(checkTarHeaders(archiveInvalid));
    const piped = checked.pipeTo(decoder.writable);
    piped.catch(() => {});
    try {
      for await (const entry of decoder.readable) await this.#add(entry);
      await piped;
    } catch (error) {
      if (error instanceof DomainError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new DomainError("ARCHIVE_INVALID", `Request body is not a tar archive: ${reason}`);
    }
  }

  async #add({ header, body }: ParsedTarEntry): Promise<void> {
    const { name, type } = header;
    const path = archivePath(name);
    const modifiedAt = timeOf(header.mtime);
    if (type === "directory") {
      await body.cancel();
      if (path !== "/") this.#put(path, { kind: "directory", modifiedAt });
      return;
    }
    if (type !== "file" && type !== undefined) {
      throw archiveInvalid(name, `it is a ${type}, and volumes have files and directories only`);
    }
    if (path === "/") throw archiveInvalid(name, "it is a file without a name");
    const isSparse = Object.keys(header.pax ?? {}).some((key) => key.startsWith("GNU.sparse."));
    if (isSparse) throw archiveInvalid(name, SPARSE);
    this.#bytes += header.size;
    if (this.#bytes > this.volume.quotaBytes) {
      throw overQuota(quotaMessage(this.volume, this.#bytes));
    }
    const staged = this.store.volumeBlobs.stage(this.#budget);
    try {
      await stageBody(staged, body, path, this.volume, this.limits);
      if (staged.memory !== undefined) {
        return this.#put(path, { kind: "small", staged, modifiedAt });
      }
      const [stored] = await this.store.volumeBlobs.publish([staged]);
      const blob = assertPublished(stored, path);
      this.#published.push(blob);
      this.#put(path, { kind: "published", blob, modifiedAt });
    } catch (error) {
      await staged[Symbol.asyncDispose]();
      throw error;
    }
  }

  #put(path: string, entry: UnpackedEntry): void {
    for (const ancestor of ancestorsOf(path)) {
      const above = this.#entries.get(ancestor);
      if (above === undefined) {
        this.#entries.set(ancestor, { kind: "directory", modifiedAt: entry.modifiedAt });
      } else if (above.kind !== "directory") {
        throw archiveInvalid(path, `${JSON.stringify(ancestor)} is a file in the same archive`);
      }
    }
    const earlier = this.#entries.get(path);
    if (earlier !== undefined && !(earlier.kind === "directory" && entry.kind === "directory")) {
      throw archiveInvalid(path, "it is in the archive twice");
    }
    this.#entries.set(path, entry);
    if (this.#entries.size > this.limits.maxEntries) {
      throw overQuota(
        "Archive rejected: the limit of files and directories is " +
          `${formatCount(this.limits.maxEntries)} (--max-volume-files)`,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const staged of this.small) await staged[Symbol.asyncDispose]();
    this.store.volumeBlobs.release(this.#published);
    await this.store.volumeBlobs.collect(this.#published.map(({ digest }) => digest));
  }
}

/** @throws ARCHIVE_INVALID */
function archivePath(name: string): string {
  try {
    return volumePath(name);
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    throw archiveInvalid(name, `its name ${error.message}`);
  }
}

function archiveInvalid(name: string, why: string): DomainError {
  const shown = quoted(name);
  return new DomainError("ARCHIVE_INVALID", `Archive rejected at entry ${shown}: ${why}`);
}

function timeOf(mtime: Date | undefined): string {
  const time = mtime?.getTime();
  const isUsable = time !== undefined && time >= 0 && time < Date.UTC(10_000, 0);
  return new Date(isUsable ? time : Date.now()).toISOString();
}
