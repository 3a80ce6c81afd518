import { basename, join, relative, resolve } from "node:path";
import { concernsBuild } from "../../builder/project/project_files.ts";
import { commitPath, ROOT_DIR, ROOT_FILE, rootFile } from "../../builder/source_tree.ts";
import { countOf, formatBytes } from "../../config/mod.ts";
import type { Files } from "../client/api.ts";
import { Failure, oneLine, UsageFailure } from "../terminal/failure.ts";
import { firstOf, note } from "../terminal/output.ts";
import { PRIVATE_DIR } from "./editor.ts";
import { IGNORE_NAMES, IgnoreRules } from "./ignore_rules.ts";
import { fixtureFile, MANIFEST_NAME, readFields } from "./manifest.ts";
import { unreadable } from "./unreadable.ts";

/** Limits that protect from reading a wrong folder, such as the home directory, and from a hostile commit. */
export const MAX_FILES = 2000;
export const MAX_BYTES = 256 * 1024 * 1024;

/**
 * What the package manager and this command line have in a folder, which is not part of the function. Of the manifest it
 * has the fixture of its tests, see {@link fixtureFile}.
 */
const LEFT_OUT: ReadonlySet<string> = new Set([MANIFEST_NAME, "node_modules"]);

/** Files that are part of the function only if its build needs them: others configure the editor. */
const EDITOR_NAMES: ReadonlySet<string> = new Set(["deno.json", "deno.jsonc"]);

/** Hidden files of tools, which nobody expects in a function. */
const UNMENTIONED: ReadonlySet<string> = new Set([...IGNORE_NAMES, PRIVATE_DIR, ".git"]);

/** The entry of a function. */
export const ENTRY = "main.ts";

/** The modules that a build starts with. */
const ENTRIES = [ENTRY, "main.test.ts"];

/**
 * A name without its case and the form of its letters: file systems of macOS and Windows take two names with the same key
 * for one file.
 */
export function nameKey(name: string): string {
  // Only some letters without a capital of their own, such as the long s, have that of another letter.
  return name.normalize("NFD").toUpperCase().toLowerCase().normalize("NFC");
}

/** Whether a file or directory of this name belongs to the function, unless an ignore file excludes it. */
export function belongsToFunction(name: string): boolean {
  return !isHidden(name) && !isLeftOut(name);
}

/** In any case: some file systems find a directory by the name Node_Modules, too. */
function isLeftOut(name: string): boolean {
  return LEFT_OUT.has(nameKey(name));
}

function isHidden(name: string): boolean {
  return name.startsWith(".");
}

/** A file or directory of the folder that is not part of the function. */
export interface Skipped {
  /** A directory ends with a slash. */
  readonly path: string;
  readonly reason: "hidden" | "ignored" | "not of the function";
}

/** The files of a function in its folder. */
interface FunctionFolder {
  /** By path in the commit, in the order of the paths. */
  readonly files: Files;
  /** From the root that invoked.json names to the folder; empty without files above the folder. */
  readonly folderFromRoot: string;
  /** Absolute paths of files above the folder whose change matters, whether the files exist or not. */
  readonly watched: readonly string[];
  /** In the order of the paths, without the files of well-known tools. */
  readonly skipped: readonly Skipped[];
}

/**
 * Reads the files of the function in a folder, and of the folders above it what they import.
 *
 * @throws {Failure} without main.ts, for a link or another special file, and for an invalid root
 */
export async function readFunctionFolder(folder: string): Promise<FunctionFolder> {
  const found: Found = { files: new Map(), skipped: [], bytes: 0 };
  const root = await rootOf(folder);
  await readInto(found, folder, "", await IgnoreRules.of(folder, root));
  if (!found.files.has(ENTRY)) throw withoutEntry(folder, found.skipped);
  const fixture = await fixtureFile(folder);
  if (fixture !== undefined) found.files.set(MANIFEST_NAME, fixture);
  const above = root === undefined
    ? { folderFromRoot: "", watched: [] }
    : await readAbove(found, folder, root);
  return {
    files: new Map([...found.files].toSorted(([a], [b]) => a < b ? -1 : 1)),
    skipped: found.skipped.toSorted((a, b) => a.path < b.path ? -1 : 1),
    ...above,
  };
}

/** Absolute path of the root that invoked.json names. @throws {Failure} for the root of the file system */
async function rootOf(folder: string): Promise<string | undefined> {
  const named = (await readFields(folder, ["root"]))?.root;
  if (named === undefined) return undefined;
  const root = resolve(folder, named);
  if (root !== resolve("/")) return root;
  throw new UsageFailure(
    `Invalid root ${JSON.stringify(named)} of ${MANIFEST_NAME}: it is the root of the file system`,
    { next: "name a folder below it, with the function and what it imports" },
  );
}

/** Adds the files above the folder that the function needs. @param root absolute path of a folder above */
async function readAbove(
  found: Found,
  folder: string,
  root: string,
): Promise<Pick<FunctionFolder, "folderFromRoot" | "watched">> {
  const own = [...found.files.keys()].find((path) => path.startsWith(`${ROOT_DIR}/`));
  if (own !== undefined) {
    throw new UsageFailure(
      `${
        join(folder, own)
      } conflicts with the root: in a commit, ${ROOT_DIR} has the files above the folder`,
      { next: `rename the folder ${ROOT_DIR}` },
    );
  }
  const { findFilesAbove } = await import("./files_above.ts");
  const { isNeeded, paths, skipped, watched } = await findFilesAbove({
    folder,
    root,
    own: found.files,
    entries: ENTRIES,
    belongs: belongsToFunction,
  });
  found.skipped.push(...skipped.map(({ path, reason }) => ({
    path: relative(folder, join(root, path)),
    reason,
  })));
  if (!isNeeded) return { folderFromRoot: "", watched };
  const folderFromRoot = relative(root, folder);
  found.files.set(ROOT_FILE, rootFile(folderFromRoot));
  for (const path of paths) {
    await readFile(found, join(root, path), commitPath(path, folderFromRoot));
  }
  return { folderFromRoot, watched };
}

/** As {@link readFunctionFolder}, the files alone. */
export async function readFunctionFiles(folder: string): Promise<Files> {
  return (await readFunctionFolder(folder)).files;
}

function withoutEntry(folder: string, skipped: readonly Skipped[]): Failure {
  const isIgnored = skipped.some(({ path, reason }) => path === ENTRY && reason === "ignored");
  const names = IGNORE_NAMES.join(" or ");
  return isIgnored
    ? new UsageFailure(`Folder ${folder} has no ${ENTRY} to deploy: a ${names} excludes it`, {
      next: `correct that file, or write !${ENTRY} into the ${IGNORE_NAMES.at(-1)} of the folder`,
    })
    : new UsageFailure(`Folder ${folder} has no ${ENTRY}`, {
      next: "create a function with invoked init NAME, or change to the folder of one",
    });
}

interface Found {
  readonly files: Map<string, Uint8Array>;
  readonly skipped: Skipped[];
  bytes: number;
}

async function readInto(
  found: Found,
  folder: string,
  prefix: string,
  rules: IgnoreRules,
): Promise<void> {
  for (const { name, isDirectory, isFile } of await listDirectory(join(folder, prefix))) {
    const path = `${prefix}${name}`;
    const shown = isDirectory ? `${path}/` : path;
    if (isHidden(name)) {
      if (!UNMENTIONED.has(name)) found.skipped.push({ path: shown, reason: "hidden" });
      continue;
    }
    if (isLeftOut(name)) {
      if (!LEFT_OUT.has(name)) found.skipped.push({ path: shown, reason: "not of the function" });
      continue;
    }
    if (rules.excludes(join(folder, path), isDirectory)) {
      found.skipped.push({ path: shown, reason: "ignored" });
      continue;
    }
    if (isDirectory) {
      await readInto(found, folder, `${path}/`, await rules.within(join(folder, path)));
    } else if (isFile) await readFile(found, join(folder, path), path);
    else {
      // A link may point to any file, which would then be uploaded.
      throw new Failure(`${join(folder, path)} is neither a file nor a directory`, {
        next: "put a copy of the file there instead of a link",
      });
    }
  }
}

/** @param file absolute path @param path in the commit */
async function readFile(found: Found, file: string, path: string): Promise<void> {
  const content = await Deno.readFile(file);
  if (EDITOR_NAMES.has(basename(path)) && !concernsBuild(path, content)) return;
  found.files.set(path, content);
  found.bytes += content.length;
  if (found.files.size <= MAX_FILES && found.bytes <= MAX_BYTES) return;
  throw new UsageFailure(
    `Too many files at ${file}: the function has more than ${countOf(MAX_FILES, "file")} or ` +
      formatBytes(MAX_BYTES),
    { next: "change to the folder of a function" },
  );
}

async function listDirectory(path: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(path));
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Skipped files that are named. */
const MAX_NAMED = 10;

/** Prints what of a folder is not part of the function; nothing without such a file. */
export function noteSkipped(skipped: readonly Skipped[]): void {
  if (skipped.length === 0) return;
  const named = skipped.map(({ path, reason }) => `${oneLine(path)} (${reason})`);
  note(`  skipped: ${firstOf(named, MAX_NAMED)}`);
}
