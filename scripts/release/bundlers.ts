/** The programs that `deno bundle` would download, for both architectures. */
import { join } from "node:path";
import { createHash } from "node:crypto";
import { CARRIED_BUNDLERS } from "../../src/builder/bundler.ts";
import { ROOT, run } from "./files.ts";
import { type Bundled, readPackage } from "./packages.ts";

/** The hashes of npm's packages of the pinned version. */
const INTEGRITY: Readonly<Record<string, string>> = {
  "@esbuild/linux-x64":
    "sha512-uhj8N2obKTE6pSZ+aMUbqq+1nXxNjZIIjCjGLfsWvVpy7gKCOL6rsY1MhRh9zLtUtAI7vpgLMK6DxjO8Qm9lJw==",
  "@esbuild/linux-arm64":
    "sha512-Z9kfb1v6ZlGbWj8EJk9T6czVEjjq2ntSYLY2cw6pAZl4oKtfgQuS4HOq41M/BcoLPzrUbNd+R4BXFyH//nHxVg==",
};

/** The license of all of them is in this package, which has another version. */
const LICENSE = "node_modules/esbuild/LICENSE.md";

/** A program with the package that it is of. */
interface CarriedBundler extends Bundled {
  /** Path from the root of the release. */
  readonly path: string;
}

/** Fetches the programs through npm, checks their hashes, and writes them into the tree. */
export async function carryBundlers(tree: string): Promise<CarriedBundler[]> {
  await Deno.mkdir(join(tree, "bundler"));
  const work = await Deno.makeTempDir({ prefix: "invoked-release-" });
  try {
    const carried: CarriedBundler[] = [];
    for (const bundler of CARRIED_BUNDLERS) {
      const integrity = INTEGRITY[bundler.package];
      if (integrity === undefined) throw new Error(`No hash is known of ${bundler.package}`);
      const directory = await unpack(`${bundler.package}@${bundler.version}`, integrity, work);
      await Deno.copyFile(join(directory, "bin/esbuild"), join(tree, bundler.path));
      const texts = [await Deno.readTextFile(join(ROOT, LICENSE))];
      carried.push({ ...await readPackage(directory, integrity), texts, path: bundler.path });
    }
    return carried;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/**
 * Fetches a package through npm and returns the directory that has its files.
 * @param work directory for the packed and the unpacked package
 * @throws {Error} for a package with another hash
 */
export async function unpack(specifier: string, integrity: string, work: string): Promise<string> {
  const packed = await run("npm", [
    ...["pack", specifier, "--loglevel=error", "--prefer-offline", "--pack-destination", work],
  ]);
  const file = join(work, packed.trim());
  const found = createHash("sha512").update(await Deno.readFile(file)).digest("base64");
  if (`sha512-${found}` !== integrity) {
    throw new Error(`${specifier} has the hash sha512-${found}, not ${integrity}`);
  }
  await run("tar", ["--extract", "--gzip", "--file", file, "--directory", work, "--one-top-level"]);
  return join(work, packed.trim().replace(/\.tgz$/, ""), "package");
}
