import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { ifExists, writePrivateFile } from "../shared/files.ts";
import { type DataDir, DataDirError } from "./data_dir.ts";
import { assertNeedsNoKey } from "./data_use.ts";
import { MASTER_KEY_BYTES } from "./sealing.ts";

/** The file of master keys in a data directory. */
export function masterKeyFileOf(dataDir: string): string {
  return join(dataDir, "master.key");
}

/**
 * Reads a file of master keys, one a line in base64. The first key seals and opens; the other keys only open values
 * that an interrupted rotation has left under them. Undefined if the file does not exist.
 * @throws DataDirError
 */
export async function readMasterKeys(path: string): Promise<Uint8Array[] | undefined> {
  const text = await ifExists(Deno.readTextFile(path));
  if (text === undefined) return undefined;
  const keys = text.trim().split("\n").map((line) => Uint8Array.from(Buffer.from(line, "base64")));
  if (keys.some(({ length }) => length !== MASTER_KEY_BYTES)) {
    throw new DataDirError(
      `Invalid master key ${path}: each line must be ${MASTER_KEY_BYTES} bytes in base64`,
      "restore the file from a backup",
    );
  }
  return keys;
}

/** Replaces the file (0600), atomically and durably. */
export async function writeMasterKeys(path: string, keys: readonly Uint8Array[]): Promise<void> {
  await writePrivateFile(path, masterKeyText(keys));
}

/** Master keys as the text of their file. */
export function masterKeyText(keys: readonly Uint8Array[]): string {
  return keys.map((key) => `${Buffer.from(key).toString("base64")}\n`).join("");
}

/** Reads the keys that several servers share. @throws DataDirError if the file cannot be read */
export async function sharedMasterKeys(path: string): Promise<Uint8Array[]> {
  let keys: Uint8Array[] | undefined;
  try {
    keys = await readMasterKeys(path);
  } catch (error) {
    if (error instanceof DataDirError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataDirError(
      `Failed to read master key ${path}: ${reason}`,
      "let the server's user read the file, or correct --master-key-file",
    );
  }
  if (keys !== undefined) return keys;
  throw new DataDirError(
    `Master key ${path} does not exist`,
    "copy master.key of the first server, or create the file (openssl rand -base64 32)",
  );
}

/**
 * Reads the keys of a data directory; creates the first key in a new directory.
 * @param hasDatabase whether the records are in the directory, and not in another database
 * @throws DataDirError if the directory was in use and the file is missing
 */
export async function masterKeysOf(
  { path: dataDir }: DataDir,
  hasDatabase: boolean,
): Promise<Uint8Array[]> {
  const path = masterKeyFileOf(dataDir);
  const keys = await readMasterKeys(path);
  if (keys !== undefined) return keys;
  await assertNeedsNoKey(dataDir, hasDatabase);
  const first = Uint8Array.from(randomBytes(MASTER_KEY_BYTES));
  await writeMasterKeys(path, [first]);
  return [first];
}
