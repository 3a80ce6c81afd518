/**
 * The files of a commit as its author has them.
 *
 * A function may need files of folders above its own. The commit then has them below {@link ROOT_DIR}, and
 * {@link ROOT_FILE} names the function's folder, both from the root that the author chose. `main.ts` stays at the top.
 *
 * ```text
 * commit                       author's tree, from its root
 * main.ts                      functions/greet/main.ts
 * _root/shared/text.ts         shared/text.ts
 * _root/invoked.json           {"folder": "functions/greet"}
 * ```
 */

import { dirname, join, relative } from "node:path/posix";
import { readJsonObject } from "./config_json.ts";
import type { Diagnostic, SourceFiles } from "./contract.ts";
import { isConfiguration, pathSetViolation, pathViolation } from "./paths.ts";

/** The directory of a commit for files of folders above that of the function. */
export const ROOT_DIR = "_root";

/** The file of a commit that names the function's folder. */
export const ROOT_FILE = `${ROOT_DIR}/invoked.json`;

/** The content of {@link ROOT_FILE}. @param folder from the root to the function's folder */
export function rootFile(folder: string): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ folder })}\n`);
}

/** The function's folder from the root, `""` without a root; a diagnostic for an invalid {@link ROOT_FILE}. */
export function folderOf(files: SourceFiles): string | Diagnostic {
  const content = files.get(ROOT_FILE);
  if (content === undefined) return "";
  const error = (message: string): Diagnostic => ({
    path: ROOT_FILE,
    message: `Invalid root: ${message}`,
  });
  const read = readJsonObject(content);
  if (read.kind === "error") return error(read.error.message);
  const folder = read.members.get("folder")?.value;
  if (typeof folder !== "string") return error("its folder is not a text");
  const wrong = pathViolation(folder) ??
    (isConfiguration(folder) ? "it has the name of a configuration" : undefined);
  return wrong === undefined ? folder : error(`folder ${JSON.stringify(folder)}: ${wrong}`);
}

/** The path of a file of a commit in the author's tree. */
function treePath(path: string, folder: string): string {
  if (folder === "") return path;
  return path.startsWith(`${ROOT_DIR}/`) ? path.slice(ROOT_DIR.length + 1) : join(folder, path);
}

/** The path in the commit of a file in the author's tree. */
export function commitPath(path: string, folder: string): string {
  if (folder === "") return path;
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : `${ROOT_DIR}/${path}`;
}

/** The path of a file of a commit as its author writes it in the function's folder, such as `../shared/text.ts`. */
export function shownPath(path: string, folder: string): string {
  return folder === "" || path === ROOT_FILE ? path : authorPath(treePath(path, folder), folder);
}

function authorPath(path: string, folder: string): string {
  return folder === "" ? path : relative(folder, path);
}

/** The author's tree of a commit. */
export class SourceTree {
  constructor(
    /** By path from the root. */
    readonly files: SourceFiles,
    /** The function's folder from the root; empty if it is the root. */
    readonly folder: string,
  ) {}

  /** Reads the files of a commit. */
  static of(files: SourceFiles): SourceTree | Diagnostic {
    const folder = folderOf(files);
    if (typeof folder !== "string") return folder;
    const placed = [...files].filter(([path]) => folder === "" || path !== ROOT_FILE)
      .map(([path, content]) => [treePath(path, folder), content] as const);
    const error = pathSetViolation(placed.map(([path]) => path));
    if (error === undefined) return new SourceTree(new Map(placed), folder);
    const path = JSON.stringify(error.path);
    return { path: ROOT_FILE, message: `Invalid root: ${path}: ${error.violation}` };
  }

  has(path: string): boolean {
    return this.files.has(path);
  }

  /** The path from the root of a file of the function, such as `main.ts`. */
  ofFunction(path: string): string {
    return join(this.folder, path);
  }

  /** The path of a file as its author writes it in the function's folder, such as `../shared/text.ts`. */
  shown(path: string): string {
    return authorPath(path, this.folder);
  }

  /** The message with the paths in quotes as their author writes them. */
  withShownPaths(message: string): string {
    if (this.folder === "") return message;
    return message.replace(
      /(["'])([^"'\n]+)\1/g,
      (whole, quote: string, path: string) =>
        this.has(path) ? `${quote}${this.shown(path)}${quote}` : whole,
    );
  }

  /**
   * The content of the file of this name in the function's folder, or in the nearest folder above that has the file.
   */
  nearest(name: string): { readonly path: string; readonly content: Uint8Array } | undefined {
    for (const directory of directoriesUp(this.folder)) {
      const path = join(directory, name);
      const content = this.files.get(path);
      if (content !== undefined) return { path, content };
    }
    return undefined;
  }
}

/** A directory and the directories above it, from the deepest to the root, which is `""`. */
export function directoriesUp(directory: string): string[] {
  const found: string[] = [];
  for (let at = directory; at !== "" && at !== "."; at = dirname(at)) found.push(at);
  return [...found, ""];
}
