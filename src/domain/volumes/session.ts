import { Sema } from "async-sema";
import { Lifecycle } from "../../shared/lifecycle.ts";
import { MemoryBudget, type StagedBlob } from "../../store/blobs/staged_blob.ts";
import type { PublishedBlob, VolumeBlobs } from "../../store/blobs/volume_blobs.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { emptyVolume } from "./empty_volume.ts";
import { assertPublished, FileError } from "./errors.ts";
import type { FileNode, NodeContext } from "./file_node.ts";
import { FileHandles, type OpenOptions } from "./file_handles.ts";
import { type DirectoryPage, type FileInfo, PathOperations } from "./path_operations.ts";
import type { Snapshot, Snapshots } from "./snapshots.ts";
import { Tree } from "./tree.ts";
import { Usage } from "./usage.ts";
import {
  type Change,
  commitWriteSet,
  type VolumeLimits,
  type WriteSetResult,
} from "./write_set.ts";

/** Memory for the small files that one invocation writes. */
const SMALL_FILES_BYTES_MAX = 4 * 1024 * 1024;

/**
 * The volume of one invocation: a snapshot, and the invocation's own changes to it. Nobody else sees the changes until
 * they commit together with the invocation's success. The operations are those of Deno's file API, on paths that
 * `volumePath` normalised; they run one after the other, in the order of their calls.
 *
 * Modes: `open` takes operations; `sealed` is being committed; `closed` has released the snapshot and everything that
 * was not committed. Transitions: open → sealed → closed, open → closed.
 */
export class VolumeSession implements AsyncDisposable {
  readonly #blobs: VolumeBlobs;
  readonly #tree: Tree;
  readonly #paths: PathOperations;
  readonly #handles: FileHandles;
  readonly #lifecycle = new Lifecycle<"open" | "sealed" | "closed">("volume session", "open", {
    open: ["sealed", "closed"],
    sealed: ["closed"],
    closed: [],
  });
  /** Held by each operation, and by each change of the mode; granted in the order of requests. */
  readonly #mutex = new Sema(1);
  /** Bytes of files that were read and written through handles. */
  #bytes = 0;
  /** The blobs of the commit, once they are published. */
  #published: readonly PublishedBlob[] | undefined;

  private constructor(
    store: Store,
    private readonly snapshot: Snapshot,
    private readonly limits: VolumeLimits,
  ) {
    this.#blobs = store.volumeBlobs;
    const context: NodeContext = {
      blobs: store.volumeBlobs,
      budget: new MemoryBudget(SMALL_FILES_BYTES_MAX),
      usage: new Usage(snapshot.volume, limits),
    };
    this.#tree = new Tree(store, snapshot, context);
    this.#paths = new PathOperations(this.#tree);
    this.#handles = new FileHandles(this.#tree, this.#paths, context);
  }

  /** @throws VOLUME_NOT_FOUND */
  static async open(
    store: Store,
    snapshots: Snapshots,
    volumeId: string,
    limits: VolumeLimits,
  ): Promise<VolumeSession> {
    return new VolumeSession(store, await snapshots.open(volumeId), limits);
  }

  /** A session on an empty volume that the store does not have: its changes cannot be committed. */
  static temporary(store: Store, limits: VolumeLimits): VolumeSession {
    const volume = emptyVolume({ id: "", displayName: "", quotaBytes: limits.maxBytes });
    return new VolumeSession(store, { volume, version: 0, [Symbol.dispose]() {} }, limits);
  }

  get volumeId(): string {
    return this.snapshot.volume.id;
  }

  /** The version of the snapshot. */
  get version(): number {
    return this.snapshot.version;
  }

  /** Bytes of files that the invocation has read and written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @see PathOperations.stat */
  stat(path: string): Promise<FileInfo> {
    return this.#operate(() => this.#paths.stat(path));
  }

  /** @see PathOperations.readDir */
  readDir(path: string, after: string, limit: number): Promise<DirectoryPage> {
    return this.#operate(() => this.#paths.readDir(path, after, limit));
  }

  /** @see PathOperations.mkdir */
  mkdir(path: string, options: { readonly recursive: boolean }): Promise<void> {
    return this.#operate(() => this.#paths.mkdir(path, options));
  }

  /** @see PathOperations.remove */
  remove(path: string, options: { readonly recursive: boolean }): Promise<void> {
    return this.#operate(() => this.#paths.remove(path, options));
  }

  /** @see PathOperations.rename */
  rename(from: string, to: string): Promise<void> {
    return this.#operate(() => this.#paths.rename(from, to));
  }

  /** @see PathOperations.copyFile */
  copyFile(from: string, to: string): Promise<void> {
    return this.#operate(() => this.#paths.copyFile(from, to));
  }

  /** @see FileHandles.open */
  open(path: string, options: OpenOptions): Promise<number> {
    return this.#operate(() => this.#handles.open(path, options));
  }

  /** @see FileHandles.read */
  read(handle: number, offset: number, length: number): Promise<Uint8Array> {
    return this.#operate(async () => {
      const bytes = await this.#handles.read(handle, offset, length);
      this.#bytes += bytes.length;
      return bytes;
    });
  }

  /** @see FileHandles.write */
  write(handle: number, offset: number, bytes: Uint8Array): Promise<number> {
    this.#bytes += bytes.length;
    return this.#operate(() => this.#handles.write(handle, offset, bytes));
  }

  /** @see FileHandles.truncate */
  truncate(handle: number, size: number): Promise<void> {
    return this.#operate(() => this.#handles.truncate(handle, size));
  }

  /** @see FileHandles.stat */
  statHandle(handle: number): Promise<FileInfo> {
    return this.#operate(() => Promise.resolve(this.#handles.stat(handle)));
  }

  /** @see FileHandles.close */
  close(handle: number): Promise<void> {
    return this.#operate(() => this.#handles.close(handle));
  }

  /**
   * Seals the session, and makes the written blobs durable; no version references them yet. Returns the commit of the
   * changes, to run inside the transaction that records the success of the invocation. May be repeated after
   * StorageUnavailable.
   */
  prepare(invocationId: string): Promise<(tx: Writers) => Promise<WriteSetResult>> {
    return this.#exclusively(async () => {
      if (!this.#lifecycle.is("sealed")) this.#lifecycle.set("sealed");
      const { unfinished } = this.#handles;
      if (unfinished !== undefined) {
        return () => Promise.resolve({ kind: "unfinished", path: unfinished });
      }
      const written = writtenNodes(this.#tree);
      this.#published ??= await this.#blobs.publish(written.map(({ staged }) => staged));
      const changes = changesOf(this.#tree, written, this.#published);
      return (tx: Writers) =>
        commitWriteSet(tx, {
          volumeId: this.volumeId,
          changes,
          base: this.version,
          by: { invocationId },
          limits: this.limits,
        });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#exclusively(async () => {
      if (this.#lifecycle.is("closed")) return;
      this.#lifecycle.set("closed");
      await this.#handles.dispose();
      await this.#tree.dispose();
      const published = this.#published ?? [];
      this.#blobs.release(published);
      this.snapshot[Symbol.dispose]();
      // Committed blobs are referenced by now; the others are deleted.
      await this.#blobs.collect(published.map(({ digest }) => digest));
    });
  }

  /** Runs an operation after those before it. @throws FileError `BadResource` unless the session is open */
  #operate<T>(operation: () => Promise<T>): Promise<T> {
    return this.#exclusively(() => {
      if (this.#lifecycle.is("open")) return operation();
      throw new FileError("BadResource", "The invocation has ended, and its volume with it");
    });
  }

  async #exclusively<T>(action: () => Promise<T>): Promise<T> {
    await this.#mutex.acquire();
    try {
      return await action();
    } finally {
      this.#mutex.release();
    }
  }
}

/** A file of a tree with a blob to publish. */
interface WrittenNode {
  readonly node: FileNode;
  readonly staged: StagedBlob;
}

/** The files that an invocation created or wrote. */
function writtenNodes(tree: Tree): WrittenNode[] {
  const written: WrittenNode[] = [];
  for (const change of tree.changes.values()) {
    if (change.kind !== "file") continue;
    const { staged } = change.node;
    if (staged !== undefined) written.push({ node: change.node, staged });
  }
  return written;
}

/**
 * The changes of an invocation to its tree, as a write set.
 * @param published the published blobs of the written files, in their order
 */
function changesOf(
  tree: Tree,
  written: readonly WrittenNode[],
  published: readonly PublishedBlob[],
): Map<string, Change> {
  const blobs = new Map(written.map(({ node }, at) => [node, published[at]]));
  const changes = new Map<string, Change>();
  for (const [path, change] of tree.changes) {
    if (change.kind === "removed") changes.set(path, change);
    else if (change.kind === "directory") {
      changes.set(path, { kind: "directory", ...change.directory });
    } else {
      const { node } = change;
      const { modifiedAt } = node;
      const own = blobs.get(node);
      const { digest, size } = assertPublished(own ?? node.stored, path);
      changes.set(path, { kind: "file", digest, size, small: own?.small, modifiedAt });
    }
  }
  return changes;
}
