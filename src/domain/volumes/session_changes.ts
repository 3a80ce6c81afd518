import { assertPublished } from "./blob_errors.ts";
import type { PublishedBlob } from "../../store/blobs/volume_blobs.ts";
import type { StagedBlob } from "../../store/blobs/staged_blob.ts";
import type { FileNode } from "./file_node.ts";
import type { Tree } from "./tree.ts";
import type { Change } from "./write_set.ts";

/** A file of a tree with a blob to publish. */
interface WrittenNode {
  readonly node: FileNode;
  readonly staged: StagedBlob;
}

/** The files that an invocation created or wrote. */
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
 * The changes of an invocation to its tree, as a write set.
 * @param published the published blobs of the written files, in their order
 */
export function changesOf(
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
