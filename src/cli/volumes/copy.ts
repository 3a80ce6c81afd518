import { posix } from "node:path";
import type { Command } from "commander";
import type { Api } from "../client/api.ts";
import { findVolume } from "../client/find.ts";
import type { Bytes } from "../client/transfer.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson, sizeInWords } from "../terminal/output.ts";
import { inParallel } from "../client/parallel.ts";
import { withPatience } from "../terminal/progress.ts";
import { addExamples, addJsonOption, addServerOptions } from "../options/server_options.ts";
import { type Location, LOCATION_HELP, parseLocation } from "./location.ts";
import { LocalTree, type SourceFile, type Tree, VolumeTree } from "./trees.ts";

/** Files of one copy that are on their way at the same time. */
const PARALLEL_FILES = 4;

/** `invoked volumes cp`: copies files between this machine and volumes. */
export function registerCopy(volumes: Command): void {
  const command = volumes.command("cp")
    .summary("Copy files to a volume, from one, or from one to another")
    .description(
      "Copy files to a volume, from one, or from one to another. Into a directory that is there a " +
        "copy keeps its name; SOURCE/. copies what is in a directory. Each written file is a version",
    )
    .argument("<source>", `Path of this machine, or ${LOCATION_HELP}`)
    .argument("<target>", "The same; write ./ before a path of this machine with a colon")
    .option("-r, --recursive", "A directory, with everything in it");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked volumes cp -r ./reports data:/",
    "invoked volumes cp -r data:/out ./out",
    "invoked volumes cp data:/in/sales.csv archive:/2026/",
  );
  command.action(
    async (
      source: string,
      target: string,
      { recursive = false, json = false }: { readonly recursive?: boolean; json?: boolean },
    ) => {
      const [from, to] = [parseLocation(source) ?? source, parseLocation(target) ?? target];
      if (from === source && to === target) {
        throw new Failure("Neither the source nor the target is on a volume", {
          next: "write a place on a volume as VOLUME:/PATH",
          exit: "usage",
        });
      }
      using api = await server.connect();
      const ends = [await endOf(api, from), await endOf(api, to)] as const;
      tellCopied(await copy(...ends, { recursive }), json);
    },
  );
}

/** One end of a copy. */
export interface End {
  readonly tree: Tree;
  readonly path: string;
  /** Whether the path is written like that of a directory. */
  readonly isDirectory: boolean;
  /** Whether what is in the directory is meant, and not the directory. */
  readonly isContents: boolean;
}

/** The end that an argument means. */
export async function endOf(api: Api, given: Location | string): Promise<End> {
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

/** Copies a file, or a directory with everything in it. Directories that hold no file are left out. */
export async function copy(
  from: End,
  to: End,
  { recursive }: { readonly recursive: boolean },
): Promise<Copied> {
  const kind = await from.tree.kindOf(from.path);
  const shown = from.tree.show(from.path);
  if (kind === undefined) throw new Failure(`Cannot copy ${shown}: nothing is there`);
  if (kind === "directory" && !recursive) {
    throw new Failure(`Cannot copy ${shown}: it is a directory`, {
      next: "copy it with everything in it by invoked volumes cp -r",
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
    `Copying ${countOf(files.length)} to ${oneLine(to.tree.show(target))}`,
    () => inParallel(PARALLEL_FILES, files, copyFile),
  );
  return { from: shown, to: to.tree.show(target), files: files.length, bytes };
}

/** Tells the end of a copy. */
export function tellCopied(copied: Copied, json: boolean): void {
  if (json) return printJson(copied);
  const { files, bytes, to } = copied;
  console.log(`Copied ${countOf(files)} (${sizeInWords(bytes)}) to ${oneLine(to)}`);
}

function countOf(files: number): string {
  return files === 1 ? "1 file" : `${files} files`;
}

/** As cp has it: into a directory that is there, beside what is in it; otherwise to that very path. */
async function targetOf(from: End, to: End, isDirectory: boolean): Promise<string> {
  const kind = await to.tree.kindOf(to.path);
  if (kind === "file" && (isDirectory || to.isDirectory)) {
    throw new Failure(`Cannot copy to ${to.tree.show(to.path)}: it is a file`, {
      next: "name a directory, or something that is not there yet",
    });
  }
  if (isDirectory && from.isContents) return to.path;
  const into = kind === "directory" || (!isDirectory && to.isDirectory);
  return into ? posix.join(to.path, posix.basename(from.path)) : to.path;
}

/** A content that knows how long it was as far as it was read. */
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
