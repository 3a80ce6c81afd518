/** The licenses of everything in a release. */
import { join } from "node:path";
import type { Bundled } from "./packages.ts";

/** Writes the license and the notices of each package into `licenses`, in a file for each package. */
export async function addLicenses(tree: string, packages: readonly Bundled[]): Promise<void> {
  await Deno.mkdir(join(tree, "licenses"));
  for (const { name, version, license, texts } of packages) {
    const file = `${name.replace("/", "+")}-${version}.txt`;
    const text = [`${name} ${version}\nLicense: ${license}\n`, ...texts.values()].join("\n");
    await Deno.writeTextFile(join(tree, "licenses", file), text);
  }
}
