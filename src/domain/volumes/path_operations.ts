import { fileError } from "./errors.ts";
import type { FileNode } from "./file_node.ts";
import { ancestorsOf, isBelow, nameOf, parentOf } from "./paths.ts";
import type { Tree, TreeEntry } from "./tree.ts";

/** What `stat` returns. */
export interface FileInfo {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly size: number;
  readonly modifiedAt: string;
}

/** A page of the entries of a directory. */
export interface DirectoryPage {
  readonly entries: { readonly name: string; readonly isFile: boolean }[];
  /** Whether further entries follow. */
  readonly more: boolean;
}

/**
 * The operations of Deno's file API that take paths, on the tree of one session. Paths are normalised by `volumePath`.
 * One caller at a time. @throws FileError
 */
export class PathOperations {
  constructor(private readonly tree: Tree) {}

  async stat(path: string): Promise<FileInfo> {
    return infoOf(await this.existing("stat", path));
  }

  /** Entries of a directory with names after `after`, in the order of their names. */
  async readDir(path: string, after: string, limit: number): Promise<DirectoryPage> {
    const directory = await this.existing("read", path);
    if (directory.kind === "file") throw fileError("NotADirectory", "read", path);
    const from = after === "" ? "" : `${path === "/" ? "" : path}/${after}`;
    const found = await this.tree.list(path, { recursive: false, after: from, limit: limit + 1 });
    const entries = found.slice(0, limit)
      .map((entry) => ({ name: nameOf(entry.path), isFile: entry.kind === "file" }));
    return { entries, more: found.length > limit };
  }

  async mkdir(path: string, { recursive }: { readonly recursive: boolean }): Promise<void> {
    const modifiedAt = now();
    if (!recursive) {
      if (await this.tree.get(path) !== undefined) {
        throw fileError("AlreadyExists", "make directory", path);
      }
      await this.assertParent("make directory", path);
      return await this.tree.putDirectory(path, { modifiedAt, mayExist: false });
    }
    if (path === "/") return;
    for (const each of [...ancestorsOf(path), path]) {
      const entry = await this.tree.get(each);
      if (entry?.kind === "file") {
        const kind = each === path ? "AlreadyExists" : "NotADirectory";
        throw fileError(kind, "make directory", path);
      }
      if (entry === undefined) await this.tree.putDirectory(each, { modifiedAt, mayExist: true });
    }
  }

  async remove(path: string, { recursive }: { readonly recursive: boolean }): Promise<void> {
    const entry = await this.existing("remove", path);
    if (path === "/") throw fileError("InvalidPath", "remove", path);
    if (entry.kind === "directory") {
      const below = await this.tree.below(path);
      if (below.length > 0 && !recursive) throw fileError("DirectoryNotEmpty", "remove", path);
      this.tree.assertCapacityFor(below.length + 1);
      for (const each of below.reverse()) await this.tree.remove(each.path);
    }
    await this.tree.remove(path);
  }

  async rename(from: string, to: string): Promise<void> {
    const entry = await this.existing("rename", from);
    if (from === "/" || isBelow(to, from)) throw fileError("InvalidPath", "rename", from);
    if (from === to) return;
    await this.assertParent("rename", to);
    const target = await this.tree.get(to);
    if (entry.kind === "file") {
      if (target?.kind === "directory") throw fileError("IsADirectory", "rename to", to);
      this.tree.assertCapacityFor(2);
      return await this.tree.moveFile(entry, to);
    }
    if (target?.kind === "file") throw fileError("NotADirectory", "rename to", to);
    if (target !== undefined && (await this.tree.below(to)).length > 0) {
      throw fileError("DirectoryNotEmpty", "rename to", to);
    }
    await this.#moveDirectory(entry, to);
  }

  async copyFile(from: string, to: string): Promise<void> {
    const entry = await this.existing("copy", from);
    if (entry.kind === "directory") throw fileError("IsADirectory", "copy", from);
    await this.assertParent("copy to", to);
    if ((await this.tree.get(to))?.kind === "directory") {
      throw fileError("IsADirectory", "copy to", to);
    }
    if (from === to) return;
    const copy = await (await this.tree.nodeOf(entry)).copy(to, now());
    await this.putNew(to, copy);
  }

  /** @throws FileError `NotFound`, `NotADirectory` */
  async existing(what: string, path: string): Promise<TreeEntry> {
    const entry = await this.tree.get(path);
    if (entry !== undefined) return entry;
    for (const ancestor of ancestorsOf(path)) {
      const above = await this.tree.get(ancestor);
      if (above === undefined) break;
      if (above.kind === "file") throw fileError("NotADirectory", what, path);
    }
    throw fileError("NotFound", what, path);
  }

  /** Asserts that the parent of a path is a directory. @throws FileError that names the path */
  async assertParent(what: string, path: string): Promise<void> {
    if (path === "/") throw fileError("IsADirectory", what, path);
    const parent = await this.existing(`${what} ${JSON.stringify(path)} in`, parentOf(path));
    if (parent.kind === "file") throw fileError("NotADirectory", what, path);
  }

  /** Puts a new file into the tree, or disposes of it if the quota does not allow it. */
  async putNew(path: string, node: FileNode): Promise<void> {
    node.addHandle();
    try {
      await this.tree.putFile(path, node);
    } finally {
      await node.dropHandle();
    }
  }

  async #moveDirectory(directory: TreeEntry, to: string): Promise<void> {
    const below = await this.tree.below(directory.path);
    this.tree.assertCapacityFor(2 * (below.length + 1));
    for (const entry of [directory, ...below]) {
      const target = to + entry.path.slice(directory.path.length);
      if (entry.kind === "file") await this.tree.moveFile(entry, target);
      else {
        const { modifiedAt } = entry;
        await this.tree.putDirectory(target, { modifiedAt, mayExist: false });
      }
    }
    const directories = below.filter(({ kind }) => kind === "directory").reverse();
    for (const { path } of [...directories, directory]) await this.tree.remove(path);
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
