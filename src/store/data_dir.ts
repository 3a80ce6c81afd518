import { join } from "node:path";

/** A data directory that is locked for this process. Disposing it releases the lock. */
export interface DataDir extends Disposable {
  readonly path: string;
}

/** Why a data directory cannot be used; the message is for the operator. */
export class DataDirError extends Error {
  override name = "DataDirError";
}

/** Creates the directory (0700) if it does not exist, and locks it. @throws DataDirError */
export async function openDataDir(path: string): Promise<DataDir> {
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    await Deno.chmod(path, 0o700);
    const lock = await Deno.open(join(path, "lock"), { create: true, write: true, mode: 0o600 });
    if (await lock.tryLock(true)) return { path, [Symbol.dispose]: () => lock.close() };
    lock.close();
  } catch (error) {
    throw new DataDirError(
      `Data directory ${path} is not usable: ${describeError(error)}; ` +
        "choose a directory that this user can write, with --data",
    );
  }
  throw new DataDirError(`Data directory ${path} is in use by another server`);
}

function describeError(error: unknown): string {
  if (error instanceof Deno.errors.AlreadyExists) return "it is a file, not a directory";
  if (error instanceof Deno.errors.NotADirectory) return "a directory above it is a file";
  if (error instanceof Deno.errors.NotCapable) return "it is in a file system of the kernel";
  return error instanceof Error ? error.message : String(error);
}
