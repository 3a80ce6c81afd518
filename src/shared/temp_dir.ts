/** Private temporary directories that go with their process, however the process ends. */
import { basename, dirname, join } from "node:path";
import { ifExists, removeAll } from "./files.ts";

/** The file in a directory whose lock the process holds. */
const LOCK = "lock";
/** What the process uses of a directory. It goes first, so that a directory without a lock is empty. */
const USED = "used";
/**
 * Removes the directory $1 once stdin ends. A listener for signals would not do: SQLite may read for minutes before the
 * event loop can run one, and nothing listens for SIGKILL. The signals of a terminal and of a service reach this shell, too.
 */
const REMOVE_AT_THE_END =
  `trap '' HUP INT TERM; read -r _; rm -rf -- "$1/${USED}" && exec rm -rf -- "$1"`;

/** A directory that only this process uses. Disposing it removes it. */
interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/**
 * Makes a private directory in that of temporary files, and removes the directories with the same prefix whose processes
 * have ended.
 */
export async function openTempDir(prefix: string): Promise<TempDir> {
  for (;;) {
    const directory = await Deno.makeTempDir({ prefix });
    const lock = await lockNew(directory);
    if (lock === undefined) continue;
    const remover = new Deno.Command("/bin/sh", {
      args: ["-c", REMOVE_AT_THE_END, "sh", directory],
      clearEnv: true,
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await removeAbandoned(dirname(directory), prefix, basename(directory));
    const path = join(directory, USED);
    await Deno.mkdir(path);
    return {
      path,
      async [Symbol.asyncDispose]() {
        using _lock = lock;
        await remover.stdin.close();
        await remover.status;
      },
    };
  }
}

/** @returns undefined if another process took the new directory for an abandoned one */
async function lockNew(path: string): Promise<Deno.FsFile | undefined> {
  const file = await openLock(path, true);
  if (file === undefined) return undefined;
  await file.lock(true);
  const now = await Deno.lstat(join(path, LOCK)).catch(() => undefined);
  if (now !== undefined) return file;
  file.close();
  return undefined;
}

/** @returns undefined if the directory has none, or is gone */
async function openLock(path: string, createNew: boolean): Promise<Deno.FsFile | undefined> {
  return await ifExists(Deno.open(join(path, LOCK), { write: true, createNew, mode: 0o600 }));
}

/** Removes directories of this user whose lock nobody holds, and empty ones, which a process left before it took the lock. */
async function removeAbandoned(parent: string, prefix: string, own: string): Promise<void> {
  for await (const { name } of Deno.readDir(parent)) {
    if (!name.startsWith(prefix) || name === own) continue;
    const path = join(parent, name);
    try {
      const { isDirectory, uid } = await Deno.lstat(path);
      // Other users can create anything with this prefix.
      if (!isDirectory || uid !== Deno.uid()) continue;
      using lock = await openLock(path, false);
      if (lock === undefined) {
        await Deno.remove(path);
      } else if (await lock.tryLock(true)) {
        await removeAll(join(path, USED));
        await Deno.remove(path, { recursive: true });
      }
    } catch {
      // Its process is making or removing it, or it is not empty and has no lock.
    }
  }
}
