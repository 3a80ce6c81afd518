/** A root directory for mount namespaces, made once so that each process needs fewer mounts. */
import { join } from "node:path";
import { EGRESS_SOCKET_INSIDE, SOCKETS_INSIDE } from "./isolation.ts";
import type { Machine } from "./machine.ts";

/** The loader's index of libraries. */
export const LOADER_CACHE = "/etc/ld.so.cache";

/** The only device of a process. */
export const NULL_DEVICE = "/dev/null";

/** A file or directory, and how to make it in a directory that exists. */
export interface Part {
  readonly path: string;
  make(): Promise<void>;
}

/**
 * What the directory consists of: copies of Deno's libraries at their paths, and empty mount points for Deno, the null
 * device, the egress socket and the readable directories.
 */
export async function partsOfRoot(
  root: string,
  { deno, libraries }: Machine,
  readable: readonly string[],
): Promise<readonly Part[]> {
  const hasCache = await Deno.stat(LOADER_CACHE).then(({ isFile }) => isFile, () => false);
  const copied = hasCache ? [...libraries, LOADER_CACHE] : libraries;
  const part = (inside: string, make: (path: string) => Promise<void>): Part => {
    const path = join(root, inside);
    return { path, make: () => make(path) };
  };
  return [
    ...copied.map((source) => part(source, (path) => Deno.copyFile(source, path))),
    ...[deno, NULL_DEVICE, EGRESS_SOCKET_INSIDE].map((inside) =>
      part(inside, (path) => Deno.writeFile(path, new Uint8Array()))
    ),
    ...[...readable, SOCKETS_INSIDE].map((inside) =>
      part(inside, (path) => Deno.mkdir(path, { recursive: true }))
    ),
  ];
}
