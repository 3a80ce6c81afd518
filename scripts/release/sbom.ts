/** The bill of materials of a release, a CycloneDX document. */
import { Factories } from "@cyclonedx/cyclonedx-library/Contrib/License";
import * as Enums from "@cyclonedx/cyclonedx-library/Enums";
import * as Models from "@cyclonedx/cyclonedx-library/Models";
import * as Serialize from "@cyclonedx/cyclonedx-library/Serialize";
import { Spec1dot6 } from "@cyclonedx/cyclonedx-library/Spec";
import { Buffer } from "node:buffer";
import type { PackageManifest, ReleaseRecord } from "./manifest.ts";
import type { Bundled } from "./packages.ts";

/** Its path from the root of the tree. */
export const SBOM = "sbom.cdx.json";

const LICENSES = new Factories.LicenseFactory(() => {});

/** Lists the packages. The document of a commit is always the same. */
export function describeContent(
  manifest: PackageManifest,
  { date }: ReleaseRecord,
  packages: readonly Bundled[],
): unknown {
  const { name, version, license, description } = manifest;
  const itself = new Models.Component(Enums.ComponentType.Application, name, {
    version,
    description,
    bomRef: purlOf({ name, version }),
    purl: purlOf({ name, version }),
    licenses: new Models.LicenseRepository([LICENSES.makeFromString(license)]),
  });
  const bom = new Models.Bom({
    metadata: new Models.Metadata({
      component: itself,
      ...date !== null && { timestamp: new Date(date) },
    }),
  });
  for (const found of packages) {
    const component = componentOf(found);
    bom.components.add(component);
    itself.dependencies.add(component.bomRef);
  }
  const normalizers = new Serialize.JSON.Normalize.Factory(Spec1dot6);
  return JSON.parse(new Serialize.JsonSerializer(normalizers).serialize(bom, { sortLists: true }));
}

function componentOf(found: Bundled): Models.Component {
  const { name, version, description, license, integrity } = found;
  const [scope, base] = name.startsWith("@") ? name.split("/") : [undefined, name];
  return new Models.Component(Enums.ComponentType.Library, base ?? name, {
    ...scope !== undefined && { group: scope },
    version,
    ...description !== undefined && { description },
    bomRef: purlOf(found),
    purl: purlOf(found),
    licenses: new Models.LicenseRepository([LICENSES.makeFromString(license)]),
    hashes: new Models.HashDictionary([[Enums.HashAlgorithm["SHA-512"], hexOf(integrity)]]),
  });
}

/** The package URL of a package of npm. */
export function purlOf(
  { name, version }: { readonly name: string; readonly version: string },
): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function hexOf(integrity: string): string {
  return Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex");
}
