/** Whether a server could start on a data directory. Leaves nothing behind; a server may use the directory meanwhile. */
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "../shared/files.ts";
import { laterVersionOf } from "./data_check.ts";
import {
  assertRunsPrograms,
  DataDirError,
  existingAbove,
  foreignEntry,
  obstacleOf,
  openDataDir,
  unusable,
} from "./data_dir.ts";
import { probeDirectory } from "./probe.ts";

/** The result of a probe. */
export interface DataProbe {
  /** Why a server could not start, each in one line with the way out. */
  readonly obstacles: readonly string[];
  /** Free space of the file system in bytes, as far as this user may use it. */
  readonly freeBytes: number;
}

/**
 * Tries everything that a start needs of a directory. The directory need not exist. In the directory of another user root
 * only reads: the user could exchange what root writes for a link, which root would follow.
 */
export async function probeDataDir(dataDir: string): Promise<DataProbe> {
  const above = await existingAbove(dataDir);
  const obstacles: string[] = [];
  try {
    if (above === dataDir) await tryOwnership(dataDir);
    if (!await isOfAnotherThanRoot(above)) {
      await tryUse(dataDir, above);
      await assertRunsPrograms(dataDir, join(dataDir, "cache", "builder"));
    }
    const later = await laterVersionOf(dataDir);
    if (later !== undefined) obstacles.push(later);
  } catch (error) {
    if (!(error instanceof DataDirError)) throw error;
    obstacles.push(error.message);
  }
  const { bavail, bsize } = await statfs(above);
  return { obstacles, freeBytes: bavail * bsize };
}

/** Opens another directory beside or inside of it, because a running server has the lock of the directory itself. */
async function tryUse(dataDir: string, above: string): Promise<void> {
  const foreign = above === dataDir ? await foreignEntry(dataDir) : undefined;
  if (foreign !== undefined) throw unusable(dataDir, foreign);
  const probe = join(above, `.invoked-probe-${crypto.randomUUID()}`);
  try {
    using _opened = await openDataDir(probe);
    await probeDirectory(probe).catch(async (error) => {
      throw unusable(probe, await obstacleOf(error, probe));
    });
  } catch (error) {
    if (error instanceof DataDirError) error.message = error.message.replaceAll(probe, dataDir);
    throw error;
  } finally {
    if (await exists(probe).catch(() => false)) await Deno.remove(probe, { recursive: true });
  }
}

/** A start sets the mode of the directory, which only its owner may. */
async function tryOwnership(dataDir: string): Promise<void> {
  const { isDirectory, mode } = await Deno.stat(dataDir);
  try {
    if (!isDirectory) throw new Deno.errors.AlreadyExists();
    await Deno.chmod(dataDir, (mode ?? 0o700) & 0o7777);
  } catch (error) {
    throw unusable(dataDir, await obstacleOf(error, dataDir));
  }
}

async function isOfAnotherThanRoot(directory: string): Promise<boolean> {
  return Deno.uid() === 0 && (await Deno.stat(directory)).uid !== 0;
}
