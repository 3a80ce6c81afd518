/**
 * `npm run release` writes `build/release`, the tree that the packed npm file, the container image and the Debian package
 * share, and packs it into `build/invoked-<version>.tgz`. Does nothing if both were made of these sources.
 */
import { join } from "node:path";
import { exists } from "../src/shared/files.ts";
import { BUILD_DIR, endWith, RELEASE_DIR, ROOT, run } from "./release/files.ts";
import { keyOf, lastKey, noteKey } from "./release/key.ts";
import { type ReleaseRecord, releaseRecord } from "./release/manifest.ts";
import { writeTree } from "./release/tree.ts";

/** Is there if the tree is. */
const RECORD = join(RELEASE_DIR, "release.json");

try {
  await release();
} catch (error) {
  endWith(error);
}

async function release(): Promise<void> {
  await Deno.mkdir(BUILD_DIR, { recursive: true });
  // Of two releases at the same time the second waits here, and then finds the work done.
  using lock = await Deno.open(join(BUILD_DIR, "release.lock"), { create: true, write: true });
  await lock.lock(true);
  const record = await releaseRecord();
  const packed = join(BUILD_DIR, `invoked-${record.version}.tgz`);
  const key = await keyOf(record);
  const made = [await lastKey() === key, await exists(RECORD), await exists(packed)];
  if (made.includes(false)) {
    await noteKey(undefined);
    await build(record);
    await pack();
    await noteKey(key);
  }
  const { size } = await Deno.stat(packed);
  console.log(`${packed.slice(ROOT.length)}: ${(size / 1024 ** 2).toFixed(1)} MiB`);
}

/** Replaces the last tree when the new one is complete. */
async function build(record: ReleaseRecord): Promise<void> {
  const tree = `${RELEASE_DIR}.new`;
  await removeTree(tree);
  try {
    await Deno.mkdir(tree);
    await writeTree(tree, record);
    await removeTree(RELEASE_DIR);
    await Deno.rename(tree, RELEASE_DIR);
  } finally {
    await removeTree(tree);
  }
}

async function removeTree(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

async function pack(): Promise<void> {
  const options = ["--loglevel=error", "--ignore-scripts", "--pack-destination", BUILD_DIR];
  await run("npm", ["pack", RELEASE_DIR, ...options]);
}
