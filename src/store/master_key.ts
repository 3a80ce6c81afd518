import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { writePrivateFile } from "../shared/files.ts";
import { type DataDir, DataDirError } from "./data_dir.ts";
import { assertNeedsNoKey } from "./data_use.ts";
import { MASTER_KEY_BYTES } from "./sealing.ts";

/**
 * Reads the keys in a data directory's `master.key`, one a line in base64. The first seals and opens; the others only
 * open values that an interrupted rotation has left under them. Undefined if the file does not exist.
 * @throws DataDirError
 */
export async function readMasterKeys(dataDir: string): Promise<Uint8Array[] | undefined> {
  const path = join(dataDir, "master.key");
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const keys = text.trim().split("\n").map((line) => Uint8Array.from(Buffer.from(line, "base64")));
  if (keys.some(({ length }) => length !== MASTER_KEY_BYTES)) {
    throw new DataDirError(
      `Cannot use master key ${path}: each line must be ${MASTER_KEY_BYTES} bytes in base64`,
    );
  }
  return keys;
}

/** Replaces the file (0600), atomically and durably. */
export async function writeMasterKeys(dataDir: string, keys: readonly Uint8Array[]): Promise<void> {
  const text = keys.map((key) => `${Buffer.from(key).toString("base64")}\n`).join("");
  await writePrivateFile(join(dataDir, "master.key"), text);
}

/**
 * Reads the keys of a data directory; creates the first one in a new directory.
 * @param hasDatabase whether the records are in the directory, and not in another database
 * @throws DataDirError if the directory was in use and the file is missing
 */
export async function masterKeysOf(
  { path }: DataDir,
  hasDatabase: boolean,
): Promise<Uint8Array[]> {
  const keys = await readMasterKeys(path);
  if (keys !== undefined) return keys;
  await assertNeedsNoKey(path, hasDatabase);
  const first = Uint8Array.from(randomBytes(MASTER_KEY_BYTES));
  await writeMasterKeys(path, [first]);
  return [first];
}
