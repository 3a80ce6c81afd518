/** The folder of a recording of a tenant. */
import { basename, dirname, join } from "node:path";
import { formatBytes, nearest } from "../../config/mod.ts";
import { assertRecordingFile, RECORDING_BYTES_MAX } from "../../tenants/recording/format.ts";
import { MASKING_FILE } from "../../tenants/recording/mask_rules.ts";
import { RecordingError } from "../../tenants/recording/recording_error.ts";
import { describeError, Failure, oneLine, UsageFailure } from "../terminal/failure.ts";
import { ENTRY, nameKey } from "./files.ts";
import { MANIFEST_NAME } from "./manifest.ts";

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

/** The failure of a replay from a folder without JSON files, or one that does not exist. */
export async function withoutRecording(folder: string): Promise<Failure> {
  const name = oneLine(folder);
  const next = `record it with invoked test --record ${name}`;
  const isThere = await Deno.stat(folder).then(() => true, () => false);
  if (isThere) {
    return new UsageFailure(`Folder ${name} has no recording`, { next });
  }
  const beside = await entriesOf(dirname(folder)).catch(() => []);
  const folders = beside.filter(({ isDirectory }) => isDirectory);
  const likely = nearest(basename(folder), folders.map((entry) => entry.name));
  const path = likely && oneLine(join(dirname(folder), likely));
  return new UsageFailure(`Folder ${name} does not exist`, {
    next: path === undefined ? next : `did you mean ${path}? Or ${next}`,
  });
}

/** Names of a function's folder, which is no recording. */
const OF_FUNCTION: ReadonlySet<string> = new Set([ENTRY, MANIFEST_NAME]);

/**
 * The JSON files of a folder that may be recorded into, by name: an earlier recording, and its rules for masks.
 * Empty for a folder that does not exist.
 * @throws {Failure} for the folder of a function, and for a JSON file that is not part of a recording
 */
export async function readEarlierRecording(folder: string): Promise<ReadonlyMap<string, string>> {
  for (const { name } of await entriesOf(folder)) {
    if (!OF_FUNCTION.has(nameKey(name))) continue;
    throw unusable(folder, `is the folder of a function: it has ${name}`);
  }
  const files = await readRecordingFolder(folder);
  for (const [name, text] of files) {
    if (name !== MASKING_FILE) assertOfRecording(folder, name, text);
  }
  return files;
}

/** @throws {Failure} for a file that recording could not replace without a loss for its owner */
function assertOfRecording(folder: string, name: string, text: string): void {
  try {
    assertRecordingFile(name, text);
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    throw new UsageFailure(
      `Folder ${oneLine(folder)} has a file that is not part of a recording: ${
        oneLine(error.message)
      }`,
      { next: "move the file away, or name another folder" },
    );
  }
}

/**
 * Makes the folder contain this recording. Unchanged files are not written again: a watch of the folder would notice.
 * @throws {Failure} if a file cannot be written, and as {@link readEarlierRecording}
 */
export async function writeRecordingFolder(
  folder: string,
  files: ReadonlyMap<string, string>,
): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
    const earlier = await readEarlierRecording(folder);
    for (const name of earlier.keys()) {
      if (!files.has(name) && name !== MASKING_FILE) await Deno.remove(join(folder, name));
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

async function entriesOf(folder: string): Promise<readonly Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw unusable(folder, `failed to be read: ${describeError(error)}`);
  }
}

function unusable(path: string, violation: string): Failure {
  return new UsageFailure(`Recording ${path} ${violation}`, {
    next: "name a folder of this machine that has nothing but a recording and pages",
  });
}
