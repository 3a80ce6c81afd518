/**
 * The runtime of instances: a prelinked copy of Deno. It starts in three quarters of the time and makes each process
 * 2.5 MiB smaller; see docs/performance.md.
 *
 * Its program text has one random address for each boot of the machine and data directory, as applications on Android
 * do; see SECURITY.md.
 */
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { readProcfs } from "../../isolation/mod.ts";
import { NotPrelinkable, prelink, randomBase } from "./prelink.ts";

/** Changes with every boot of the machine. */
const BOOT_ID = "sys/kernel/random/boot_id";
/** Prefix of directories that hold a `deno`: complete (`prelinked-<digest>`) or left by a killed server. */
const HOME_PREFIX = "prelinked-";

const PROGRAM = "deno";

const logger = getLogger(["invoked", "sandbox"]);

/**
 * Returns the path of the copy in the directory, and creates the copy unless it exists for this boot and this `deno`.
 * Returns the path of Deno itself if a copy cannot be created or does not run.
 */
export async function prelinkedRuntime(deno: string, directory: string): Promise<string> {
  const boot = await readProcfs(BOOT_ID);
  // A crash of the machine may leave a damaged file, so a copy is used for one boot only.
  if (boot === undefined) return deno;
  const home = join(directory, `${HOME_PREFIX}${await digestOf(deno, boot)}`);
  const copy = join(home, PROGRAM);
  if (await Deno.stat(copy).then(({ isFile }) => isFile, () => false)) return copy;
  await removeCopies(directory);
  const temporary = await Deno.makeTempDir({ dir: directory, prefix: HOME_PREFIX });
  try {
    await makeCopy(deno, join(temporary, PROGRAM));
    await Deno.chmod(temporary, 0o755);
    await Deno.rename(temporary, home);
    return copy;
  } catch (error) {
    await Deno.remove(temporary, { recursive: true });
    logger.warn(
      "instances start more slowly than possible: Deno cannot be prelinked: {reason}",
      {
        reason: error instanceof Error ? error.message : String(error),
      },
    );
    return deno;
  }
}

async function makeCopy(deno: string, path: string): Promise<void> {
  await Deno.copyFile(deno, path);
  {
    using file = await Deno.open(path, { read: true, write: true });
    await prelink(file, randomBase());
  }
  await Deno.chmod(path, 0o755);
  const version = await versionOf(path);
  if (version === undefined || version !== await versionOf(deno)) {
    throw new NotPrelinkable("the copy does not run");
  }
}

async function versionOf(program: string): Promise<string | undefined> {
  const { success, stdout } = await new Deno.Command(program, {
    args: ["--version"],
    clearEnv: true,
    stdin: "null",
    stderr: "null",
  }).output();
  return success ? new TextDecoder().decode(stdout) : undefined;
}

async function digestOf(deno: string, boot: string): Promise<string> {
  const { size, mtime, ino } = await Deno.stat(deno);
  const facts = [deno, size, mtime?.getTime(), ino, boot].join("\0");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(facts));
  return new Uint8Array(digest).toHex().slice(0, 16);
}

async function removeCopies(directory: string): Promise<void> {
  for await (const { name } of Deno.readDir(directory)) {
    if (name.startsWith(HOME_PREFIX)) await Deno.remove(join(directory, name), { recursive: true });
  }
}
