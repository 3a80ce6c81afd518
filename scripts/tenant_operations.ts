/**
 * Writes `src/tenants/operations.json` and `sdk/tenant_types.d.ts` from C1's OpenAPI document.
 *
 * Arguments: path of `openapi.yaml` in a clone of ConductorOne/terraform-provider-conductorone, the id of its commit, and
 * the folder of the package `conductorone-sdk-typescript`, installed with its dependencies, whose names the SDK has.
 */
import { readDocument } from "./tenant/document.ts";
import { Names } from "./tenant/named.ts";
import { readSdkNames } from "./tenant/sdk_names.ts";
import { renderTable } from "./tenant/table.ts";
import { renderTypes } from "./tenant/types.ts";

const [path, commit, sdk] = Deno.args;
if (path === undefined || commit === undefined || sdk === undefined) {
  console.error("Usage: scripts/tenant_operations.ts OPENAPI_YAML COMMIT SDK_FOLDER");
  Deno.exit(2);
}
const document = readDocument(await Deno.readTextFile(path));
const names = new Names(document, await readSdkNames(sdk, document));
const source = `openapi.yaml of ConductorOne/terraform-provider-conductorone at ${commit} ` +
  "(Copyright 2023 ConductorOne, Inc., Apache-2.0)";
for (
  const [target, text] of [
    ["src/tenants/operations.json", renderTable(document, names, source)],
    ["sdk/tenant_types.d.ts", renderTypes(document, names, source)],
  ] as const
) await Deno.writeTextFile(new URL(`../${target}`, import.meta.url), text);
console.log(`${document.operations.length} operations, ${document.messages.size} messages`);
