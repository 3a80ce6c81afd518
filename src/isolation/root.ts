/** A root directory for mount namespaces, made once so that each process needs fewer mounts. */
import { dirname, join } from "node:path";
import { EGRESS_SOCKET_INSIDE, SOCKETS_INSIDE } from "./isolation.ts";
import type { Machine } from "./machine.ts";

/** The loader's index of libraries. */
export const LOADER_CACHE = "/etc/ld.so.cache";

/** The only device of a process. */
export const NULL_DEVICE = "/dev/null";

/**
 * Creates the directory anew: copies of Deno's libraries at their paths, and empty mount points for Deno, the null
 * device, the egress socket and the readable directories.
 */
export async function makeRoot(
  root: string,
  { deno, libraries }: Machine,
  readable: readonly string[],
): Promise<void> {
  await Deno.remove(root, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const hasCache = await Deno.stat(LOADER_CACHE).then(({ isFile }) => isFile, () => false);
  const copied = hasCache ? [...libraries, LOADER_CACHE] : libraries;
  for (const path of copied) await Deno.copyFile(path, await pathBelow(root, path));
  for (const path of [deno, NULL_DEVICE, EGRESS_SOCKET_INSIDE]) {
    await Deno.writeFile(await pathBelow(root, path), new Uint8Array());
  }
  for (const path of [...readable, SOCKETS_INSIDE]) {
    await Deno.mkdir(join(root, path), { recursive: true });
  }
}

/** The path below the root. Creates its parent directory. */
async function pathBelow(root: string, path: string): Promise<string> {
  const inside = join(root, path);
  await Deno.mkdir(dirname(inside), { recursive: true, mode: 0o755 });
  return inside;
}
