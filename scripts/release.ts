/**
 * `npm run release` writes `build/release`, the tree that the packed npm file, the container image and the Debian package
 * share, and packs it into `build/invoked-<version>.tgz`. The content depends only on the commit and the lock file.
 */
import { join } from "node:path";
import { carryBundlers } from "./release/bundlers.ts";
import { addConsole } from "./release/console.ts";
import { addLicenses } from "./release/licenses.ts";
import { packageManifest, releaseRecord } from "./release/manifest.ts";
import { packagesIn } from "./release/packages.ts";
import { BUILD_DIR, copyInto, RELEASE_DIR, ROOT, run, setModes } from "./release/files.ts";
import { describeContent } from "./release/sbom.ts";
import { bundleServer, SERVER_DIR } from "./release/server.ts";
import { compileRuntime } from "../src/sandbox/image/compile_runtime.ts";
import { RELEASED_RUNTIME } from "../src/sandbox/image/runtime_bundle.ts";

/** Copied as they are. */
const COPIED = ["LICENSE", "README.md", "CHANGELOG.md", "bin/invoked", "invoked.schema.json"];
/** Copied with everything in them. */
const COPIED_FOLDERS = ["sdk", "templates", "examples"];
/** The files of the page `/docs`. */
const SWAGGER = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

async function writeTree(tree: string): Promise<void> {
  const manifest = await packageManifest();
  const record = await releaseRecord();
  for (const path of [...COPIED, ...COPIED_FOLDERS]) await copyInto(tree, path);
  for (const name of SWAGGER) {
    await copyInto(tree, `node_modules/swagger-ui-dist/${name}`, `swagger/${name}`);
  }
  const server = await bundleServer(join(tree, SERVER_DIR), manifest);
  await Deno.mkdir(join(tree, "runtime"));
  await Deno.writeTextFile(join(tree, RELEASED_RUNTIME), await compileRuntime());
  const ofConsole = await addConsole(tree);
  const bundlers = await carryBundlers(tree);
  const packages = await packagesIn({
    files: server,
    names: [...ofConsole, { name: "swagger-ui-dist" }, { name: "deno" }],
  });
  await addLicenses(tree, [...packages, ...bundlers]);
  await writeJson(
    join(tree, "sbom.cdx.json"),
    describeContent(manifest, record, [...packages, ...bundlers]),
  );
  await writeJson(join(tree, "package.json"), manifest);
  await writeJson(join(tree, "release.json"), record);
  await setModes(tree, ["bin/invoked", ...bundlers.map(({ path }) => path)]);
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Replaces the last tree when the new one is complete. */
async function release(): Promise<void> {
  await Deno.mkdir(BUILD_DIR, { recursive: true });
  const tree = await Deno.makeTempDir({ dir: BUILD_DIR, prefix: "release." });
  try {
    await writeTree(tree);
    await Deno.remove(RELEASE_DIR, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    await Deno.rename(tree, RELEASE_DIR);
  } catch (error) {
    await Deno.remove(tree, { recursive: true });
    throw error;
  }
  const packed = await run("npm", [
    "pack",
    RELEASE_DIR,
    "--silent",
    "--ignore-scripts",
    "--pack-destination",
    BUILD_DIR,
  ]);
  const file = join(BUILD_DIR, packed.trim());
  const { size } = await Deno.stat(file);
  console.log(`${file.slice(ROOT.length)}: ${(size / 1024 ** 2).toFixed(1)} MiB`);
}

await release();
