/** The downloads of builds, which the servers of one run share: every server would otherwise fetch the bundler anew. */
import { dirname, join } from "node:path";
import { copy, removeDirectory } from "./invoked.ts";
import { filledOnce } from "./once.ts";

/** Below a data directory, or the private directory of a function's folder. */
const DOWNLOADS = join("cache", "builder");

/**
 * Lets a directory that has no downloads use those of the run.
 * @param fill downloads the bundler into the directory that holds `cache/builder`
 */
export async function shareDownloads(
  directory: string,
  fill: (directory: string) => Promise<void>,
): Promise<void> {
  const own = join(directory, DOWNLOADS);
  const isThere = await Deno.lstat(own).then(() => true, () => false);
  if (isThere) return;
  const shared = await filledOnce("downloads", async (shared) => {
    const first = await Deno.makeTempDir({ prefix: "invoked-test-" });
    await link(join(first, DOWNLOADS), shared);
    await fill(first);
    await removeDirectory(first);
  });
  await link(own, shared);
}

/** Gives a directory a copy of the downloads that it shares: for servers that other users or hostile packages write to. */
export async function copyDownloads(directory: string): Promise<void> {
  const own = join(directory, DOWNLOADS);
  const shared = await Deno.realPath(own);
  await Deno.remove(own);
  await copy(shared, own);
}

async function link(path: string, target: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await Deno.symlink(target, path);
}
