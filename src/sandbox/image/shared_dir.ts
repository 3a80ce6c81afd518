/** The directory of files that instances of another user must reach. */
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { othersCanEnter } from "../../isolation/mod.ts";
import { exists, isOwnerGone } from "../../shared/files.ts";

/**
 * Where a root server puts it if its own directory is closed to other users, the best first. Debian removes files of
 * `/tmp` after ten days, and `/run` runs no programs.
 */
const PARENTS = ["/var/cache/invoked", "/tmp"] as const;
const NAME = /^invoked-[0-9a-f]{16}(?:-[^/]*)?$/;
/** File in each that names its owner. */
const OWNER_FILE = "owner";
const OTHERS_MAY_WRITE = 0o022;
/** Ends with this exit code, to show that programs run in the directory. */
const PROGRAM = "#!/bin/sh\nexit 7\n";
const PROGRAM_EXIT_CODE = 7;

const logger = getLogger(["invoked", "sandbox"]);

/**
 * The server's own directory if the user of the instances can enter it, else one with the same name at every start.
 * Throws if no directory is usable.
 */
export async function sharedDirectory(ownDir: string): Promise<string> {
  if (await othersCanEnter(ownDir)) return ownDir;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(ownDir));
  const name = `invoked-${new Uint8Array(digest).toHex().slice(0, 16)}`;
  const errors: string[] = [];
  for (const parent of PARENTS) {
    try {
      await Deno.mkdir(parent, { recursive: true, mode: 0o755 });
      await sweep(parent);
      const directory = await claim(parent, name);
      await writeOwner(directory, ownDir);
      await checkUse(directory);
      return directory;
    } catch (error) {
      const failure = `${parent}: ${error instanceof Error ? error.message : error}`;
      logger.debug("instances cannot use {error}", { error: failure });
      errors.push(failure);
    }
  }
  throw new Error(`Failed to make a directory for instances: ${errors.join("; ")}`);
}

/** Makes the directory again if it was removed. Rejects if another user has taken its name since. */
export async function claimAgain(directory: string, ownDir: string): Promise<void> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o755 });
  if (!isOwn(await Deno.lstat(directory))) {
    throw new Error(
      `Directory ${directory} of instances is not safe: another user may write to it`,
    );
  }
  await Deno.chmod(directory, 0o755);
  if (!await exists(join(directory, OWNER_FILE))) await writeOwner(directory, ownDir);
}

async function writeOwner(directory: string, ownDir: string): Promise<void> {
  await Deno.writeTextFile(join(directory, OWNER_FILE), ownDir, { mode: 0o600 });
}

/** The directory of this name, or a new one with a suffix if another user has taken the name. */
async function claim(parent: string, name: string): Promise<string> {
  const path = join(parent, name);
  await Deno.mkdir(path, { mode: 0o755 }).catch((error) => {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  });
  const directory = isOwn(await Deno.lstat(path))
    ? path
    : await Deno.makeTempDir({ dir: parent, prefix: `${name}-` });
  await Deno.chmod(directory, 0o755);
  return directory;
}

/** Throws unless other users can enter the directory and programs run in it. */
async function checkUse(directory: string): Promise<void> {
  if (!await othersCanEnter(directory)) throw new Error("other users cannot enter it");
  const program = join(directory, `program-${crypto.randomUUID()}`);
  await Deno.writeTextFile(program, PROGRAM, { mode: 0o755 });
  try {
    const { code } = await new Deno.Command(program, { clearEnv: true, stdin: "null" }).output();
    if (code !== PROGRAM_EXIT_CODE) throw new Error("a program in it does not run");
  } finally {
    await Deno.remove(program);
  }
}

/** Whether only root can have created and filled the directory. */
function isOwn({ isDirectory, uid, mode }: Deno.FileInfo): boolean {
  return isDirectory && uid === 0 && ((mode ?? 0) & OTHERS_MAY_WRITE) === 0;
}

/** Removes directories of killed servers whose own directory no longer exists. */
async function sweep(parent: string): Promise<void> {
  for await (const { name } of Deno.readDir(parent)) {
    if (!NAME.test(name)) continue;
    const path = join(parent, name);
    try {
      if (!isOwn(await Deno.lstat(path))) continue;
      if (await isOwnerGone(join(path, OWNER_FILE))) await Deno.remove(path, { recursive: true });
    } catch {
      // Another server is creating or removing it.
    }
  }
}
