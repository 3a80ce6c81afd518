/**
 * The runtime that processes start from: a prelinked copy of Deno, which starts in three quarters of the time and
 * leaves each process 2.5 MiB smaller; see docs/performance.md.
 *
 * Its program text stands at one address, drawn at random once for each start of the machine and data directory, as
 * Android does it for its applications; see SECURITY.md.
 */
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { readProcfs } from "../../isolation/mod.ts";
import { NotPrelinkable, prelink, randomBase } from "./prelink.ts";

/** Differs with every start of the machine. */
const BOOT_ID = "sys/kernel/random/boot_id";
/** Begins the names of directories that hold a `deno`, finished (`prelinked-<digest>`) or cut off by a kill. */
const HOME_PREFIX = "prelinked-";

const PROGRAM = "deno";

const logger = getLogger(["invoked", "sandbox"]);

/**
 * Answers the path of the copy in the directory, and makes it unless this start of the machine has made it of this very
 * file; the path of Deno itself where no copy can be made or the copy does not run.
 */
export async function prelinkedRuntime(deno: string, directory: string): Promise<string> {
  const boot = await readProcfs(BOOT_ID);
  // What a crash of the machine leaves of a file is not to be run, so a copy serves one start of the machine.
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
      "sandboxes start more slowly than they could, as Deno cannot be prelinked: {reason}",
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
  const told = await versionOf(path);
  if (told === undefined || told !== await versionOf(deno)) {
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
