import type { PublishedBlob, VolumeBlobs } from "../../store/blobs/volume_blobs.ts";
import { MemoryBudget } from "../../store/blobs/staged_blob.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { FileError, fileError } from "./file_error.ts";
import { FileNode, type NodeContext } from "./file_node.ts";
import { ancestorsOf, isBelow, nameOf, parentOf } from "./paths.ts";
import type { Snapshot, Snapshots } from "./snapshots.ts";
import { changesOf, writtenNodes } from "./session_changes.ts";
import { Tree, type TreeEntry } from "./tree.ts";
import { Usage } from "./usage.ts";
import { commitWriteSet, type VolumeLimits, type WriteSetResult } from "./write_set.ts";

/** Files that one invocation can have open at the same time. */
export const OPEN_FILES_MAX = 64;
/** Memory for the small files that one invocation writes. */
const SMALL_FILES_BYTES_MAX = 4 * 1024 * 1024;

/** How a file is opened; the words are those of `Deno.OpenOptions`. */
export interface OpenOptions {
  readonly read: boolean;
  readonly write: boolean;
  readonly append: boolean;
  readonly truncate: boolean;
  readonly create: boolean;
  readonly createNew: boolean;
  /** Whether the file is written as a whole: a success of the invocation before it is closed would keep a part of it. */
  readonly whole?: boolean;
}

/** What `stat` tells. */
export interface FileInfo {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly size: number;
  readonly modifiedAt: string;
}

interface Handle {
  readonly path: string;
  readonly node: FileNode;
  readonly options: OpenOptions;
}

/**
 * A volume as one invocation has it: a snapshot, and its own changes above it, which nobody else sees until they are
 * committed together with the invocation's success. The operations are those of Deno's file API; paths are what
 * `volumePath` answers. Operations run one after the other, in the order of their calls.
 *
 * Modes: `open` takes operations, `sealed` is being committed, `closed`. Disposing of it lets go of the
 * snapshot and of everything that was not committed.
 */
export class VolumeSession implements AsyncDisposable {
  readonly #snapshot: Snapshot;
  readonly #contents: VolumeBlobs;
  readonly #limits: VolumeLimits;
  readonly #around: NodeContext;
  readonly #tree: Tree;
  readonly #handles = new Map<number, Handle>();
  #lastHandle = 0;
  #mode: "open" | "sealed" | "closed" = "open";
  #last: Promise<unknown> = Promise.resolve();
  #published: readonly PublishedBlob[] = [];

  private constructor(store: Store, snapshot: Snapshot, limits: VolumeLimits) {
    this.#snapshot = snapshot;
    this.#contents = store.volumeBlobs;
    this.#limits = limits;
    this.#around = {
      blobs: store.volumeBlobs,
      budget: new MemoryBudget(SMALL_FILES_BYTES_MAX),
      usage: new Usage(snapshot.volume, limits),
    };
    this.#tree = new Tree(store, snapshot, this.#around);
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

  get volumeId(): string {
    return this.#snapshot.volume.id;
  }

  /** The version that this invocation sees. */
  get version(): number {
    return this.#snapshot.version;
  }

  stat(path: string): Promise<FileInfo> {
    return this.#next(async () => infoOf(await this.#existing("stat", path)));
  }

  /** Entries of a directory with names after `after`, in the order of their names; `more` tells whether others follow. */
  readDir(path: string, after: string, limit: number): Promise<{
    readonly entries: { readonly name: string; readonly isFile: boolean }[];
    readonly more: boolean;
  }> {
    return this.#next(async () => {
      const directory = await this.#existing("read", path);
      if (directory.kind === "file") throw fileError("NotADirectory", "read", path);
      const from = after === "" ? "" : `${path === "/" ? "" : path}/${after}`;
      const found = await this.#tree.list(path, {
        recursive: false,
        after: from,
        limit: limit + 1,
      });
      const entries = found.slice(0, limit)
        .map((entry) => ({ name: nameOf(entry.path), isFile: entry.kind === "file" }));
      return { entries, more: found.length > limit };
    });
  }

  mkdir(path: string, { recursive }: { readonly recursive: boolean }): Promise<void> {
    return this.#next(async () => {
      const modifiedAt = now();
      if (!recursive) {
        if (await this.#tree.get(path) !== undefined) {
          throw fileError("AlreadyExists", "make directory", path);
        }
        await this.#parent("make directory", path);
        return await this.#tree.putDirectory(path, { modifiedAt, mayExist: false });
      }
      if (path === "/") return;
      for (const each of [...ancestorsOf(path), path]) {
        const entry = await this.#tree.get(each);
        if (entry?.kind === "file") {
          const kind = each === path ? "AlreadyExists" : "NotADirectory";
          throw fileError(kind, "make directory", path);
        }
        if (entry === undefined) {
          await this.#tree.putDirectory(each, { modifiedAt, mayExist: true });
        }
      }
    });
  }

  remove(path: string, { recursive }: { readonly recursive: boolean }): Promise<void> {
    return this.#next(async () => {
      const entry = await this.#existing("remove", path);
      if (path === "/") throw fileError("InvalidPath", "remove", path);
      if (entry.kind === "directory") {
        const below = await this.#tree.below(path);
        if (below.length > 0 && !recursive) throw fileError("DirectoryNotEmpty", "remove", path);
        this.#tree.assertCapacityFor(below.length + 1);
        for (const each of below.reverse()) await this.#tree.remove(each.path);
      }
      await this.#tree.remove(path);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#next(async () => {
      const entry = await this.#existing("rename", from);
      if (from === "/" || isBelow(to, from)) throw fileError("InvalidPath", "rename", from);
      if (from === to) return;
      await this.#parent("rename", to);
      const target = await this.#tree.get(to);
      if (entry.kind === "file") {
        if (target?.kind === "directory") throw fileError("IsADirectory", "rename to", to);
        this.#tree.assertCapacityFor(2);
        return await this.#tree.moveFile(entry, to);
      }
      if (target?.kind === "file") throw fileError("NotADirectory", "rename to", to);
      if (target !== undefined && (await this.#tree.below(to)).length > 0) {
        throw fileError("DirectoryNotEmpty", "rename to", to);
      }
      await this.#moveDirectory(entry, to);
    });
  }

  copyFile(from: string, to: string): Promise<void> {
    return this.#next(async () => {
      const entry = await this.#existing("copy", from);
      if (entry.kind === "directory") throw fileError("IsADirectory", "copy", from);
      await this.#parent("copy to", to);
      if ((await this.#tree.get(to))?.kind === "directory") {
        throw fileError("IsADirectory", "copy to", to);
      }
      if (from === to) return;
      const copy = await (await this.#tree.nodeOf(entry)).copy(to, now());
      await this.#putNew(to, copy);
    });
  }

  /** Opens a file. Answers the number of the handle. */
  open(path: string, options: OpenOptions): Promise<number> {
    return this.#next(async () => {
      if (this.#handles.size >= OPEN_FILES_MAX) {
        throw new FileError(
          "QuotaExceeded",
          `Cannot open ${
            JSON.stringify(path)
          }: one invocation can have ${OPEN_FILES_MAX} files open`,
        );
      }
      const node = await this.#nodeToOpen(path, options);
      node.addHandle();
      const handle = ++this.#lastHandle;
      this.#handles.set(handle, { path, node, options });
      return handle;
    });
  }

  /** At most `length` bytes from an offset; none at the end of the file. */
  read(handle: number, offset: number, length: number): Promise<Uint8Array> {
    return this.#next(async () => {
      const { node, options } = this.#handle(handle);
      if (!options.read) throw new FileError("BadResource", "The file is not open for reading");
      return await node.read(offset, length);
    });
  }

  /** Writes at an offset, or at the end where the file was opened to append. Answers where the bytes end. */
  write(handle: number, offset: number, bytes: Uint8Array): Promise<number> {
    return this.#next(async () => {
      const { node, options } = this.#writableHandle(handle);
      await this.#tree.touch(node);
      const at = options.append ? node.size : offset;
      await node.write(at, bytes, now());
      return at + bytes.length;
    });
  }

  truncate(handle: number, size: number): Promise<void> {
    return this.#next(async () => {
      const { node } = this.#writableHandle(handle);
      await this.#tree.touch(node);
      await node.truncate(size, now());
    });
  }

  /** As {@link stat}, of an open file, whatever became of its path. */
  statHandle(handle: number): Promise<FileInfo> {
    return this.#next(() => {
      const { size, modifiedAt } = this.#handle(handle).node;
      return Promise.resolve({ isFile: true, isDirectory: false, size, modifiedAt });
    });
  }

  close(handle: number): Promise<void> {
    return this.#next(async () => {
      const { node } = this.#handle(handle);
      this.#handles.delete(handle);
      await this.#tree.drop(node);
    });
  }

  /**
   * Ends the operations, and makes what they wrote durable, though part of no version yet. Answers how to make it one,
   * inside the transaction that records the success of the invocation.
   */
  async prepare(
    invocationId: string,
  ): Promise<(tx: Writers) => Promise<WriteSetResult>> {
    await this.#last.catch(() => {});
    if (this.#mode !== "open") throw new Error(`a volume session is ${this.#mode} and not open`);
    this.#mode = "sealed";
    const unfinished = [...this.#handles.values()].find(({ options }) => options.whole);
    if (unfinished !== undefined) {
      return () => Promise.resolve({ kind: "unfinished", path: unfinished.path });
    }
    const written = writtenNodes(this.#tree);
    this.#published = await this.#contents.publish(written.map(({ staged }) => staged));
    const changes = changesOf(this.#tree, written, this.#published);
    return (tx) =>
      commitWriteSet(tx, {
        volumeId: this.volumeId,
        changes,
        base: this.version,
        by: { invocationId },
        limits: this.#limits,
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#mode === "closed") return;
    await this.#last.catch(() => {});
    this.#mode = "closed";
    for (const { node } of this.#handles.values()) await node.dispose();
    this.#handles.clear();
    await this.#tree.dispose();
    this.#contents.release(this.#published);
    this.#snapshot[Symbol.dispose]();
    // What was committed is named by now; the rest goes.
    await this.#contents.collect(this.#published.map(({ digest }) => digest));
  }

  /** Runs an operation after those before it. @throws FileError `BadResource` once it is not open any more */
  #next<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.#last.catch(() => {}).then(() => {
      if (this.#mode === "open") return operation();
      throw new FileError("BadResource", "The invocation has ended, and its volume with it");
    });
    this.#last = result;
    return result;
  }

  /** @throws FileError `NotFound`, `NotADirectory` */
  async #existing(what: string, path: string): Promise<TreeEntry> {
    const entry = await this.#tree.get(path);
    if (entry !== undefined) return entry;
    for (const ancestor of ancestorsOf(path)) {
      const above = await this.#tree.get(ancestor);
      if (above === undefined) break;
      if (above.kind === "file") throw fileError("NotADirectory", what, path);
    }
    throw fileError("NotFound", what, path);
  }

  /** Checks that what a path is to be in is a directory; what fails is told of the path. */
  async #parent(what: string, path: string): Promise<void> {
    if (path === "/") throw fileError("IsADirectory", what, path);
    const parent = await this.#existing(`${what} ${JSON.stringify(path)} in`, parentOf(path));
    if (parent.kind === "file") throw fileError("NotADirectory", what, path);
  }

  async #nodeToOpen(path: string, options: OpenOptions): Promise<FileNode> {
    const isWriting = options.write || options.append;
    const entry = await this.#tree.get(path);
    if (entry?.kind === "directory") throw fileError("IsADirectory", "open", path);
    if (entry !== undefined && options.createNew) throw fileError("AlreadyExists", "create", path);
    if (entry !== undefined) {
      const node = await this.#tree.nodeOf(entry);
      if (options.truncate && isWriting) {
        await this.#tree.touch(node);
        await node.truncate(0, now());
      }
      return node;
    }
    if (!isWriting || !(options.create || options.createNew)) {
      await this.#existing("open", path);
    }
    await this.#parent("create", path);
    const node = new FileNode(this.#around, path, undefined, now());
    await this.#putNew(path, node);
    return node;
  }

  /** Puts a new file into the tree, or disposes of it where it has no room there. */
  async #putNew(path: string, node: FileNode): Promise<void> {
    node.addHandle();
    try {
      await this.#tree.putFile(path, node);
    } finally {
      await node.dropHandle();
    }
  }

  async #moveDirectory(directory: TreeEntry, to: string): Promise<void> {
    const below = await this.#tree.below(directory.path);
    this.#tree.assertCapacityFor(2 * (below.length + 1));
    for (const entry of [directory, ...below]) {
      const target = to + entry.path.slice(directory.path.length);
      if (entry.kind === "file") await this.#tree.moveFile(entry, target);
      else {
        const { modifiedAt } = entry;
        await this.#tree.putDirectory(target, { modifiedAt, mayExist: false });
      }
    }
    const directories = below.filter(({ kind }) => kind === "directory").reverse();
    for (const { path } of [...directories, directory]) await this.#tree.remove(path);
  }

  #handle(number: number): Handle {
    const handle = this.#handles.get(number);
    if (handle === undefined) throw new FileError("BadResource", "The file is not open any more");
    return handle;
  }

  #writableHandle(number: number): Handle {
    const handle = this.#handle(number);
    if (handle.options.write || handle.options.append) return handle;
    throw new FileError("BadResource", "The file is not open for writing");
  }
}

function infoOf(entry: TreeEntry): FileInfo {
  return {
    isFile: entry.kind === "file",
    isDirectory: entry.kind === "directory",
    size: entry.kind === "file" ? entry.size : 0,
    modifiedAt: entry.modifiedAt,
  };
}

function now(): string {
  return new Date().toISOString();
}
