/** Copies between this machine and volumes. */
import { posix } from "node:path";
import { countOf } from "../../config/mod.ts";
import type { Api } from "../client/api.ts";
import { findVolume } from "../client/find.ts";
import { inParallel } from "../client/parallel.ts";
import type { Bytes } from "../client/transfer.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printResult, sizeInWords } from "../terminal/output.ts";
import { withPatience } from "../terminal/progress.ts";
import { LocalTree, type SourceFile, type Tree, VolumeTree } from "./trees.ts";
import type { NamedPath } from "./volume_path.ts";

/** Files of one copy that are transferred at the same time. */
const PARALLEL_FILES = 4;

/** One end of a copy. */
export interface End {
  readonly tree: Tree;
  readonly path: string;
  /** Whether the path is written like that of a directory. */
  readonly isDirectory: boolean;
  /** Whether it means what is in the directory, and not the directory. */
  readonly isContents: boolean;
}

/** The end of an argument: a path on a volume, or of this machine. */
export async function endOf(api: Api, given: NamedPath | string): Promise<End> {
  if (typeof given === "string") {
    const isContents = /(^|\/)\.\.?$/.test(given);
    return {
      tree: new LocalTree(),
      path: given,
      isDirectory: isContents || given.endsWith("/"),
      isContents,
    };
  }
  const volume = await findVolume(api, given.volume);
  const { path, isDirectory, isContents } = given;
  return { tree: new VolumeTree(api.volumes, volume), path, isDirectory, isContents };
}

/** What a copy wrote. */
export interface Copied {
  readonly from: string;
  readonly to: string;
  readonly files: number;
  readonly bytes: number;
}

/** Copies a file, or a directory with everything in it. Directories without files are not created. */
export async function copy(
  from: End,
  to: End,
  { recursive }: { readonly recursive: boolean },
): Promise<Copied> {
  const kind = await from.tree.kindOf(from.path);
  const shown = from.tree.show(from.path);
  if (kind === undefined) {
    throw new Failure(`${shown} does not exist`, {
      next: "check the path; invoked volumes ls lists the files of a volume",
    });
  }
  if (kind === "directory" && !recursive) {
    throw new Failure(`${shown} is a directory: nothing was copied`, {
      next: "copy it with everything in it with invoked volumes cp -r",
    });
  }
  const target = await targetOf(from, to, kind === "directory");
  const files = kind === "file"
    ? [from.tree.file(from.path)]
    : await from.tree.filesBelow(from.path);
  let bytes = 0;
  const copyFile = async ({ name, open }: SourceFile) => {
    const content = counted(await open());
    await to.tree.write(name === "" ? target : posix.join(target, name), content.bytes);
    bytes += content.length();
  };
  await withPatience(
    `Copying ${countOf(files.length, "file")} to ${oneLine(to.tree.show(target))}`,
    () => inParallel(PARALLEL_FILES, files, copyFile),
  );
  return { from: shown, to: to.tree.show(target), files: files.length, bytes };
}

/** Prints the result of a copy. */
export function printCopied(copied: Copied, json: true | undefined): void {
  const { files, bytes, to } = copied;
  const what = `${countOf(files, "file")} (${sizeInWords(bytes)})`;
  printResult(json, copied, `Copied ${what} to ${oneLine(to)}`);
}

/** As cp does: into an existing directory, otherwise to that very path. */
async function targetOf(from: End, to: End, isDirectory: boolean): Promise<string> {
  const kind = await to.tree.kindOf(to.path);
  if (kind === "file" && (isDirectory || to.isDirectory)) {
    throw new Failure(`Target ${to.tree.show(to.path)} is a file, not a directory`, {
      next: "name a directory, or a path that does not exist",
    });
  }
  if (isDirectory && from.isContents) return to.path;
  const into = kind === "directory" || (!isDirectory && to.isDirectory);
  return into ? posix.join(to.path, posix.basename(from.path)) : to.path;
}

/** A content that counts the bytes that were read. */
export function counted(content: Bytes): { readonly bytes: Bytes; length(): number } {
  let length = 0;
  const bytes = async function* () {
    for await (const chunk of content) {
      length += chunk.length;
      yield chunk;
    }
  };
  return { bytes: bytes(), length: () => length };
}
