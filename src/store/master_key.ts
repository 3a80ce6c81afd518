import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type DataDir, DataDirError, writePrivateFile } from "./data_dir.ts";
import { MASTER_KEY_BYTES } from "./sealing.ts";

/**
 * The keys in a data directory's `master.key`, one a line in base64: the first seals, the others open what a
 * rotation that was cut off has left under them. Undefined where there is no such file.
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
      `Cannot use ${path}: it must hold ${MASTER_KEY_BYTES} bytes in base64`,
    );
  }
  return keys;
}

/** Replaces the file (0600), durably, whole or not at all. */
export async function writeMasterKeys(dataDir: string, keys: readonly Uint8Array[]): Promise<void> {
  const text = keys.map((key) => `${Buffer.from(key).toString("base64")}\n`).join("");
  await writePrivateFile(join(dataDir, "master.key"), text);
}

/** The keys of a data directory; makes the first one where there is none. */
export async function masterKeysOf({ path }: DataDir): Promise<Uint8Array[]> {
  const keys = await readMasterKeys(path);
  if (keys !== undefined) return keys;
  const first = Uint8Array.from(randomBytes(MASTER_KEY_BYTES));
  await writeMasterKeys(path, [first]);
  return [first];
}
