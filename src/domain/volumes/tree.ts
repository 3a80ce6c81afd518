import { formatCount } from "../../config/mod.ts";
import type { Store } from "../../store/mod.ts";
import type { VolumeEntryRow } from "../../store/volumes.ts";
import { FileError } from "./errors.ts";
import { FileNode, type NodeContext } from "./file_node.ts";
import { comparePaths, isBelow, parentOf } from "./paths.ts";
import type { Snapshot } from "./snapshots.ts";

/** Paths that one invocation may change; they are in memory while it runs. */
const WRITE_SET_PATHS_MAX = 20_000;
/** Entries of one query. */
const ENTRIES_PER_STEP = 1000;

/** A directory that an invocation created. */
interface DirectoryNode {
  readonly modifiedAt: string;
  /** Whether its creation by another invocation is no conflict. */
  readonly mayExist: boolean;
}

/** The change of an invocation to a path. */
type NodeChange =
  | { readonly kind: "file"; readonly node: FileNode }
  | { readonly kind: "directory"; readonly directory: DirectoryNode }
  | { readonly kind: "removed" };

/** The file or directory at a path: a file of the snapshot has no node until it is opened or changed. */
export type TreeEntry =
  | {
    readonly kind: "file";
    readonly path: string;
    readonly size: number;
    readonly modifiedAt: string;
    readonly node: FileNode | undefined;
  }
  | { readonly kind: "directory"; readonly path: string; readonly modifiedAt: string };

/** A snapshot of a volume with an invocation's own changes to it. One caller at a time. */
export class Tree {
  readonly #changes = new Map<string, NodeChange>();
  /** Files of the snapshot that are open and not written. */
  readonly #opened = new Map<string, FileNode>();

  constructor(
    private readonly store: Store,
    private readonly snapshot: Snapshot,
    private readonly context: NodeContext,
  ) {}

  get changes(): ReadonlyMap<string, NodeChange> {
    return this.#changes;
  }

  async get(path: string): Promise<TreeEntry | undefined> {
    if (path === "/") {
      return { kind: "directory", path, modifiedAt: this.snapshot.volume.createdAt };
    }
    const change = this.#changes.get(path);
    if (change !== undefined) return entryOfChange(path, change);
    const row = await this.stored(path);
    return row === undefined ? undefined : this.#entryOfRow(row);
  }

  /** The entry of the snapshot at a path. */
  stored(path: string): Promise<VolumeEntryRow | undefined> {
    const { volume, version } = this.snapshot;
    return this.store.read.volumes.entry(volume.id, path, version);
  }

  /** The children of a directory, or all descendants: `limit` entries after a path, in order. */
  async list(
    directory: string,
    { recursive, after, limit }: {
      readonly recursive: boolean;
      readonly after: string;
      readonly limit: number;
    },
  ): Promise<TreeEntry[]> {
    const found: TreeEntry[] = [];
    for (const [path, change] of this.#changes) {
      const isInside = recursive ? isBelow(path, directory) : parentOf(path) === directory;
      if (!isInside || (after !== "" && comparePaths(path, after) <= 0)) continue;
      const entry = entryOfChange(path, change);
      if (entry !== undefined) found.push(entry);
    }
    let storedAfter = after;
    for (let kept = 0; kept < limit;) {
      const rows = await this.store.read.volumes.entries({
        volumeId: this.snapshot.volume.id,
        version: this.snapshot.version,
        directory,
        recursive,
        after: storedAfter,
        limit: Math.min(limit, ENTRIES_PER_STEP),
      });
      const unchanged = rows.filter(({ path }) => !this.#changes.has(path));
      found.push(...unchanged.map((row) => this.#entryOfRow(row)));
      kept += unchanged.length;
      if (rows.length < Math.min(limit, ENTRIES_PER_STEP)) break;
      storedAfter = rows.at(-1)?.path ?? "";
    }
    return found.sort((a, b) => comparePaths(a.path, b.path)).slice(0, limit);
  }

  /** All descendants of a directory, in order. @throws FileError `QuotaExceeded` for more than can change */
  async below(directory: string): Promise<TreeEntry[]> {
    const found = await this.list(directory, {
      recursive: true,
      after: "",
      limit: WRITE_SET_PATHS_MAX + 1,
    });
    if (found.length > WRITE_SET_PATHS_MAX) throw tooManyChanges();
    return found;
  }

  /** The node of a file of the tree. */
  async nodeOf(entry: TreeEntry & { readonly kind: "file" }): Promise<FileNode> {
    return entry.node ?? this.#opened.get(entry.path) ?? await this.#open(entry.path);
  }

  /** Counts an open file of the snapshot as changed from now on. @throws FileError `QuotaExceeded` */
  async touch(node: FileNode): Promise<void> {
    if (this.#opened.get(node.path) === node) await this.putFile(node.path, node);
  }

  /** Puts a file at a path, in place of any other. @throws FileError `QuotaExceeded` */
  async putFile(path: string, node: FileNode): Promise<void> {
    await this.#put(path, { kind: "file", node });
    node.path = path;
  }

  /** @throws FileError `QuotaExceeded` */
  async putDirectory(path: string, directory: DirectoryNode): Promise<void> {
    await this.#put(path, { kind: "directory", directory });
  }

  /** Removes the entry of a path, without its descendants. @throws FileError `QuotaExceeded` */
  async remove(path: string): Promise<void> {
    await this.#put(path, { kind: "removed" });
    // A path that the snapshot does not have needs no change.
    if (await this.stored(path) === undefined) this.#changes.delete(path);
  }

  /** Moves a file to another path, in place of any other. @throws FileError `QuotaExceeded` */
  async moveFile(entry: TreeEntry & { readonly kind: "file" }, to: string): Promise<void> {
    const node = await this.nodeOf(entry);
    // The handle keeps the node between the removal and the next link.
    node.addHandle();
    await this.remove(entry.path);
    await this.putFile(to, node);
    await node.dropHandle();
  }

  /** @throws FileError `QuotaExceeded` if so many more paths cannot change */
  assertCapacityFor(paths: number): void {
    if (this.#changes.size + paths > WRITE_SET_PATHS_MAX) throw tooManyChanges();
  }

  async dispose(): Promise<void> {
    for (const change of this.#changes.values()) {
      if (change.kind === "file") await change.node.dispose();
    }
    for (const node of this.#opened.values()) await node.dispose();
  }

  /** Drops a handle of a file. */
  async drop(node: FileNode): Promise<void> {
    await node.dropHandle();
    if (!node.isOpen && this.#opened.get(node.path) === node) this.#opened.delete(node.path);
  }

  async #open(path: string): Promise<FileNode> {
    const row = await this.stored(path);
    if (row === undefined || row.digest === null) {
      throw new Error(`${path} is not a file of the snapshot`);
    }
    const { digest, size, modifiedAt } = row;
    const node = new FileNode(this.context, path, { digest, size }, modifiedAt);
    this.#opened.set(path, node);
    return node;
  }

  async #put(path: string, change: NodeChange): Promise<void> {
    const old = this.#changes.get(path);
    if (old === undefined) this.assertCapacityFor(1);
    const before = old === undefined ? (await this.stored(path))?.size ?? 0 : sizeOf(old);
    this.context.usage.grow(sizeOf(change) - before);
    if (change.kind === "file") change.node.link();
    this.#changes.set(path, change);
    this.#opened.delete(path);
    if (old?.kind === "file" && !(change.kind === "file" && change.node === old.node)) {
      await old.node.unlink();
    }
  }

  #entryOfRow({ path, kind, size, modifiedAt }: VolumeEntryRow): TreeEntry {
    if (kind === "directory") return { kind, path, modifiedAt };
    return { kind, path, size, modifiedAt, node: this.#opened.get(path) };
  }
}

function entryOfChange(path: string, change: NodeChange): TreeEntry | undefined {
  switch (change.kind) {
    case "removed":
      return undefined;
    case "directory":
      return { kind: "directory", path, modifiedAt: change.directory.modifiedAt };
    case "file": {
      const { node } = change;
      return { kind: "file", path, size: node.size, modifiedAt: node.modifiedAt, node };
    }
  }
}

function sizeOf(change: NodeChange): number {
  return change.kind === "file" ? change.node.size : 0;
}

function tooManyChanges(): FileError {
  return new FileError(
    "QuotaExceeded",
    `Too many changed paths: the limit of one invocation is ${formatCount(WRITE_SET_PATHS_MAX)}`,
  );
}
