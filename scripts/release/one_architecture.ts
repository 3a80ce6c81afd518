/** A release carries programs of two architectures; the image and the Debian package are of one. */
import { join } from "node:path";
import { CARRIED_BUNDLERS } from "../../src/builder/bundler.ts";
import { licenseFile } from "./licenses.ts";
import { purlOf, SBOM } from "./sbom.ts";

/**
 * Removes the programs of other architectures from a copy of the tree, with what the copy says of them.
 * @param architecture as npm names it, such as x64
 */
export async function keepArchitecture(tree: string, architecture: string): Promise<void> {
  const foreign = CARRIED_BUNDLERS.map((bundler) => ({ ...bundler, name: bundler.package }))
    .filter(({ name }) => !name.endsWith(`-${architecture}`));
  for (const bundler of foreign) {
    await Deno.remove(join(tree, bundler.path));
    await Deno.remove(join(tree, licenseFile(bundler)));
  }
  const refs = new Set<unknown>(foreign.map(purlOf));
  const sbom = JSON.parse(
    await Deno.readTextFile(join(tree, SBOM)),
    (_, value) => Array.isArray(value) ? value.filter((item) => !refs.has(refOf(item))) : value,
  );
  await Deno.writeTextFile(join(tree, SBOM), `${JSON.stringify(sbom, null, 2)}\n`);
}

/** The id in an item of a CycloneDX document: a component, its dependencies, or a dependency of another. */
function refOf(item: unknown): unknown {
  if (typeof item !== "object" || item === null) return item;
  if ("bom-ref" in item) return item["bom-ref"];
  return "ref" in item ? item.ref : undefined;
}
