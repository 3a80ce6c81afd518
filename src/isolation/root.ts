/** A root directory for mount namespaces, made once: each mount that a process needs not do saves it time. */
import { dirname, join } from "node:path";
import { EGRESS_SOCKET_INSIDE } from "./isolation.ts";
import type { Machine } from "./machine.ts";

/** The loader's index of libraries in unusual places. */
export const LOADER_CACHE = "/etc/ld.so.cache";

/** The one device that a process finds. */
export const NULL_DEVICE = "/dev/null";

/**
 * Makes the directory anew: copies of Deno's libraries at their places, and empty places where Deno, the null device,
 * the way out and the readable directories are to be mounted.
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
  for (const path of copied) await Deno.copyFile(path, await placeFor(root, path));
  for (const path of [deno, NULL_DEVICE, EGRESS_SOCKET_INSIDE]) {
    await Deno.writeFile(await placeFor(root, path), new Uint8Array());
  }
  for (const path of readable) await Deno.mkdir(join(root, path), { recursive: true });
}

/** The path below the root, in a directory that is there. */
async function placeFor(root: string, path: string): Promise<string> {
  const place = join(root, path);
  await Deno.mkdir(dirname(place), { recursive: true, mode: 0o755 });
  return place;
}
