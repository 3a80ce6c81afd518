/** The folder of a recording of a tenant. */
import { join } from "node:path";
import { formatBytes } from "../../config/mod.ts";
import { isRecordingFile, RECORDING_BYTES_MAX } from "../../tenants/recording/format.ts";
import { MASKING_FILE } from "../../tenants/recording/mask_rules.ts";
import { describeError, Failure } from "../terminal/failure.ts";

/**
 * The JSON files of a folder, by name; empty for a folder that does not exist.
 * @throws {Failure} for a folder that cannot be read, a link, and files that are too large together
 */
export async function readRecordingFolder(folder: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  let bytes = 0;
  for (const { name, isFile } of await entriesOf(folder)) {
    if (!name.endsWith(".json")) continue;
    const path = join(folder, name);
    if (!isFile) throw unusable(path, "is not a regular file");
    bytes += (await Deno.stat(path)).size;
    if (bytes > RECORDING_BYTES_MAX) {
      throw unusable(folder, `has more than ${formatBytes(RECORDING_BYTES_MAX)}`);
    }
    files.set(
      name,
      await Deno.readTextFile(path).catch((error) => {
        throw unusable(path, `failed to be read: ${describeError(error)}`);
      }),
    );
  }
  return files;
}

/**
 * Makes the folder contain this recording. Unchanged files are not written again: a watch of the folder would notice.
 * @throws {Failure} if a file cannot be written
 */
export async function writeRecordingFolder(
  folder: string,
  files: ReadonlyMap<string, string>,
): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
    const earlier = await readRecordingFolder(folder);
    for (const name of earlier.keys()) {
      if (!files.has(name) && isRecordingFile(name)) await Deno.remove(join(folder, name));
    }
    for (const [name, text] of files) {
      if (earlier.get(name) !== text) await replaceFile(join(folder, name), text);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw unusable(folder, `failed to be written: ${describeError(error)}`);
  }
}

/** Nobody reads a half-written file. */
async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await Deno.writeTextFile(draft, text, { createNew: true });
    await Deno.rename(draft, path);
  } catch (error) {
    await Deno.remove(draft).catch(() => {});
    throw error;
  }
}

/** The rules of a recording, in its folder; undefined without the file. */
export async function readMasking(folder: string): Promise<string | undefined> {
  return (await readRecordingFolder(folder)).get(MASKING_FILE);
}

async function entriesOf(folder: string): Promise<readonly Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw unusable(folder, `failed to be read: ${describeError(error)}`);
  }
}

function unusable(path: string, violation: string): Failure {
  return new Failure(`Recording ${path} ${violation}`, {
    next: "name a folder of this machine that has nothing but a recording and pages",
    exit: "usage",
  });
}
