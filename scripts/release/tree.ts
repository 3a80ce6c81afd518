/** The tree of a release. */
import { join } from "node:path";
import { compileRuntime } from "../../src/sandbox/image/compile_runtime.ts";
import { RELEASED_RUNTIME } from "../../src/sandbox/image/runtime_bundle.ts";
import { carryBundlers } from "./bundlers.ts";
import { addConsole } from "./console.ts";
import { copyFileInto, copyInto, setModes } from "./files.ts";
import { addLicenses } from "./licenses.ts";
import { packageManifest, type ReleaseRecord } from "./manifest.ts";
import { packagesIn } from "./packages.ts";
import { describeContent, SBOM } from "./sbom.ts";
import { bundleServer, SERVER_DIR } from "./server.ts";
import { copySources, sourcesBelow } from "./sources.ts";

const LAUNCHER = "bin/invoked";
/** Files and folders that are copied as they are. */
const COPIED = [
  ...["LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "ARCHITECTURE.md", "CONTRIBUTING.md"],
  ...["invoked.schema.json", "invoked-server.schema.json", LAUNCHER],
  ...["sdk", "templates", "examples", "src/tenants/operations.json"],
  // What an operator of containers and of a cluster needs, and of Prometheus; docker cp reads it from the image.
  ...["deploy/compose.yaml", "deploy/compose-cluster.yaml", "deploy/compose_cluster"],
  ...["deploy/kubernetes", "deploy/nats", "deploy/seccomp.json"],
  ...["deploy/grafana", "deploy/prometheus"],
];
/** The pages to which README.md leads, and its pictures. All other pictures are larger than all pages together. */
const PAGES = /\.md$|^docs\/images\/(?:latency\.svg|console\/overview_(?:dark|light)\.webp)$/;
/** The files of the page `/docs`. */
const SWAGGER = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];
/** Packages of which no module is bundled: the page above, and the one dependency. */
const FURTHER_PACKAGES = ["swagger-ui-dist", "deno"];

/** Writes the tree into an empty directory. Trees of the same sources and record are equal, byte for byte. */
export async function writeTree(tree: string, record: ReleaseRecord): Promise<void> {
  const manifest = packageManifest();
  for (const path of COPIED) await copySources(tree, path);
  for (const path of await sourcesBelow("docs")) {
    if (PAGES.test(path)) await copyFileInto(tree, path);
  }
  for (const name of SWAGGER) {
    await copyInto(tree, `node_modules/swagger-ui-dist/${name}`, `swagger/${name}`);
  }
  const files = await bundleServer(join(tree, SERVER_DIR), manifest);
  await write(tree, RELEASED_RUNTIME, await compileRuntime());
  const names = [...await addConsole(tree), ...FURTHER_PACKAGES.map((name) => ({ name }))];
  const bundlers = await carryBundlers(tree);
  const packages = [...await packagesIn({ files, names }), ...bundlers];
  await addLicenses(tree, packages);
  await write(tree, SBOM, toJson(describeContent(manifest, record, packages)));
  await write(tree, "package.json", toJson(manifest));
  await write(tree, "release.json", toJson(record));
  await setModes(tree, [LAUNCHER, ...bundlers.map(({ path }) => path)]);
}

async function write(tree: string, path: string, text: string): Promise<void> {
  await Deno.mkdir(join(tree, path, ".."), { recursive: true });
  await Deno.writeTextFile(join(tree, path), text);
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
