import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { MASTER_KEY_BYTES } from "./sealing.ts";

/** A data directory that this process, and no other, works in. Disposing it lets others in. */
export interface DataDir extends Disposable {
  readonly path: string;
}

/** The data directory cannot be used; the message says why, for the operator. */
export class DataDirError extends Error {
  override name = "DataDirError";
}

/** Makes the directory (0700) where it is missing, and locks it. Throws {@link DataDirError}. */
export async function openDataDir(path: string): Promise<DataDir> {
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    await Deno.chmod(path, 0o700);
    const lock = await Deno.open(join(path, "lock"), { create: true, write: true, mode: 0o600 });
    if (await lock.tryLock(true)) return { path, [Symbol.dispose]: () => lock.close() };
    lock.close();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataDirError(`Cannot use data directory ${path}: ${reason}`);
  }
  throw new DataDirError(`Cannot use data directory ${path}: another server works in it`);
}

/** Reads the master key of a data directory, or makes one (0600). Throws {@link DataDirError}. */
export async function masterKeyOf(dataDir: DataDir): Promise<Uint8Array> {
  const path = join(dataDir.path, "master.key");
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const key = randomBytes(MASTER_KEY_BYTES);
    await writePrivateFile(path, `${key.toString("base64")}\n`);
    return key;
  }
  const key = Buffer.from(text.trim(), "base64");
  if (key.length !== MASTER_KEY_BYTES) {
    throw new DataDirError(`Cannot use ${path}: it must hold ${MASTER_KEY_BYTES} bytes in base64`);
  }
  return key;
}

/** Writes a file that only its owner can read (0600), whole or not at all. */
export async function writePrivateFile(path: string, content: string): Promise<void> {
  const partial = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(partial, content, { createNew: true, mode: 0o600 });
  await Deno.rename(partial, path);
}
