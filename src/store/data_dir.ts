import { dirname, join } from "node:path";

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

/** Writes a file that only its owner can read (0600), whole or not at all, and durably. */
export async function writePrivateFile(path: string, content: string): Promise<void> {
  const partial = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(partial, content, { createNew: true, mode: 0o600 });
  await sync(partial);
  await Deno.rename(partial, path);
  await sync(dirname(path));
}

/** Waits until a file, or the names in a directory, would survive a crash of the machine. */
async function sync(path: string): Promise<void> {
  using file = await Deno.open(path);
  await file.sync();
}
