import type { PublishedBlob } from "../../store/blobs/volume_blobs.ts";
import type { StagedBlob } from "../../store/blobs/staged_blob.ts";
import type { FileNode } from "./file_node.ts";
import type { Tree } from "./tree.ts";
import type { Change } from "./write_set.ts";

/** A file of a tree that has a content of its own to publish. */
export interface WrittenNode {
  readonly node: FileNode;
  readonly staged: StagedBlob;
}

/** The files that an invocation wrote to, or made. */
export function writtenNodes(tree: Tree): WrittenNode[] {
  const written: WrittenNode[] = [];
  for (const change of tree.changes.values()) {
    if (change.kind !== "file") continue;
    const { staged } = change.node;
    if (staged !== undefined) written.push({ node: change.node, staged });
  }
  return written;
}

/**
 * What an invocation did to its tree, as a write set.
 * @param published what became of the written files, in their order
 */
export function changesOf(
  tree: Tree,
  written: readonly WrittenNode[],
  published: readonly PublishedBlob[],
): Map<string, Change> {
  const contents = new Map(written.map(({ node }, at) => [node, published[at]]));
  const changes = new Map<string, Change>();
  for (const [path, change] of tree.changes) {
    if (change.kind === "removed") changes.set(path, change);
    else if (change.kind === "directory") {
      changes.set(path, { kind: "directory", ...change.directory });
    } else {
      const { node } = change;
      const { modifiedAt } = node;
      const own = contents.get(node);
      const content = own ?? node.stored;
      if (content === undefined) throw new Error(`${path} was not published`);
      const { digest, size } = content;
      changes.set(path, { kind: "file", digest, size, small: own?.small, modifiedAt });
    }
  }
  return changes;
}
