import { join } from "node:path";
import { countOf, formatBytes } from "../../config/mod.ts";
import type { Files } from "../client/api.ts";
import { describeError, Failure } from "../terminal/failure.ts";
import { MANIFEST_NAME } from "./manifest.ts";

/** Limits that protect from reading a wrong folder, such as the home directory. */
const MAX_FILES = 2000;
const MAX_BYTES = 256 * 1024 * 1024;

/** Files of the editor, the package manager and this command line, which are not part of the function. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  MANIFEST_NAME,
  "deno.json",
  "deno.jsonc",
  "node_modules",
]);

/** The entry of a function and of its tests. */
export const ENTRY = "main.ts";
export const TEST_ENTRY = "main.test.ts";

/** Whether a file or directory of this name belongs to the function; hidden ones do not. */
export function belongsToFunction(name: string): boolean {
  return !name.startsWith(".") && !LEFT_OUT.has(name);
}

/**
 * The files of the function in a folder, by path with slashes, in the order of the paths.
 *
 * @throws {Failure} without main.ts, and for a link or another special file
 */
export async function readFunctionFiles(folder: string): Promise<Files> {
  const files = new Map<string, Uint8Array>();
  await readInto(files, { bytes: 0 }, folder, "");
  if (!files.has(ENTRY)) {
    throw new Failure(`Cannot use folder ${folder}: it has no ${ENTRY}`, {
      next: "create a function with invoked init NAME, or change to the folder of one",
      exit: "usage",
    });
  }
  return new Map([...files].toSorted(([a], [b]) => a < b ? -1 : 1));
}

async function readInto(
  files: Map<string, Uint8Array>,
  total: { bytes: number },
  folder: string,
  prefix: string,
): Promise<void> {
  for (const { name, isDirectory, isFile } of await listDirectory(join(folder, prefix))) {
    if (!belongsToFunction(name)) continue;
    const path = `${prefix}${name}`;
    if (isDirectory) {
      await readInto(files, total, folder, `${path}/`);
      continue;
    }
    if (!isFile) {
      // A link may point to any file, which would then be uploaded.
      throw new Failure(`Cannot use ${join(folder, path)}: it is neither a file nor a directory`, {
        next: "put a copy of the file there instead of a link",
      });
    }
    const content = await Deno.readFile(join(folder, path));
    files.set(path, content);
    total.bytes += content.length;
    if (files.size > MAX_FILES || total.bytes > MAX_BYTES) {
      throw new Failure(
        `Cannot use folder ${folder}: it has more than ${countOf(MAX_FILES, "file")} or ` +
          formatBytes(MAX_BYTES),
        { next: "change to the folder of a function", exit: "usage" },
      );
    }
  }
}

async function listDirectory(path: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(path));
  } catch (error) {
    throw new Failure(`Cannot read ${path}: ${describeError(error)}`, { exit: "usage" });
  }
}
