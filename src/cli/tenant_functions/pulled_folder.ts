/** A folder of this machine into which a function is pulled. */
import { dirname, join } from "node:path";
import type { Files } from "../client/api.ts";
import { MAX_BYTES } from "../folder/files.ts";
import { describeError, Failure } from "../terminal/failure.ts";

/**
 * The files of a folder at the paths of a commit; other files of the folder are not read.
 * @throws {Failure} for a link or a special file at one of the paths or above it: a write could leave the folder
 */
export async function readPresent(folder: string, paths: Iterable<string>): Promise<Files> {
  const present = new Map<string, Uint8Array>();
  for (const path of paths) {
    const info = await infoOf(folder, path);
    if (info === undefined) continue;
    if (info.size > MAX_BYTES) throw inTheWay(folder, path, "is a large file");
    present.set(path, await Deno.readFile(join(folder, path)));
  }
  return present;
}

/** The file at a path; undefined without one. The folder itself may be a link. */
async function infoOf(folder: string, path: string): Promise<Deno.FileInfo | undefined> {
  const names = path.split("/");
  for (let count = 1; count <= names.length; count++) {
    const part = names.slice(0, count).join("/");
    const info = await lstat(folder, part);
    if (info === undefined) return undefined;
    const isLast = count === names.length;
    if (info.isSymlink) throw inTheWay(folder, part, "is a link");
    if (isLast && info.isFile) return info;
    if (isLast || !info.isDirectory) {
      throw inTheWay(folder, part, isLast ? "is not a file" : "is not a directory");
    }
  }
  return undefined;
}

async function lstat(folder: string, path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(join(folder, path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Failure(`Failed to read ${join(folder, path)}: ${describeError(error)}`);
  }
}

function inTheWay(folder: string, path: string, what: string): Failure {
  return new Failure(`${join(folder, path)} ${what}; nothing was written`, {
    next: "move it away, or pull into another folder",
  });
}

/**
 * Writes files, each completely or not at all, and the directories above them.
 * @throws {Failure} with the number of written files
 */
export async function writeFiles(folder: string, files: Files): Promise<void> {
  let count = 0;
  for (const [path, content] of files) {
    const target = join(folder, path);
    const partial = `${target}.${crypto.randomUUID()}.part`;
    try {
      await Deno.mkdir(dirname(target), { recursive: true });
      await Deno.writeFile(partial, content, { createNew: true });
      // It replaces a link that somebody has made meanwhile, instead of following the link.
      await Deno.rename(partial, target);
    } catch (error) {
      await Deno.remove(partial).catch(() => {});
      throw new Failure(
        `Failed to write ${target} after ${count} of ${files.size} files: ${describeError(error)}`,
        { next: "run the command again: it writes only what differs" },
      );
    }
    count++;
  }
}
