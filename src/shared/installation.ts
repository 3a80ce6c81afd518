/**
 * Where this server is installed: in a clone of the repository, or as a release, which `npm run release` writes. Both
 * have the same folders; a release has the server bundled, and what a clone takes from packages and sources ready.
 */
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import manifest from "../../package.json" with { type: "json" };

export const { version: VERSION, description: DESCRIPTION } = manifest;

/** This module is two folders below the root, and so is each file of a bundled server. */
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A release is JavaScript: the runtime rejects TypeScript below `node_modules`. */
export const IS_RELEASE = /\.js$/.test(import.meta.url);

/**
 * The absolute path of a file or folder of the installation.
 * @param path from the root
 * @param inClone the path in a clone, where this differs from that in a release
 */
export function installed(path: string, inClone = path): string {
  return join(ROOT, IS_RELEASE ? path : inClone);
}

/** The launcher, for processes and for lines that a reader copies. */
export const LAUNCHER = installed("bin/invoked");

/**
 * The module that a thread runs. A release has each module of `src` whose name ends in `_thread.ts` as an entry of its
 * bundle.
 * @param source path of the module from the root
 */
export function threadModule(source: `src/${string}_thread.ts`): URL {
  return pathToFileURL(installed(source.replace(/^.*\/(\w+)\.ts$/, "src/server/$1.js"), source));
}
