/**
 * Writes `src/tenants/operations.json` and `sdk/tenant_types.d.ts` from clones of two repositories of C1:
 *
 *   deno run --allow-all --no-check --unstable-sloppy-imports scripts/tenant_operations.ts PROVIDER SDK
 *
 * PROVIDER is a clone of ConductorOne/terraform-provider-conductorone, which has the OpenAPI document, and SDK one of
 * ConductorOne/conductorone-sdk-typescript, which has the names of methods and fields, with its packages installed
 * (`npm install --omit=dev --legacy-peer-deps`) and without its outdated compiled files
 * (`git ls-files 'src/*.js' | xargs rm`).
 */
import { join } from "node:path";
import { readDocument } from "./tenant/document.ts";
import { Names } from "./tenant/named.ts";
import { readSdkNames } from "./tenant/sdk_names.ts";
import { renderTable } from "./tenant/table.ts";
import { renderTypes } from "./tenant/types.ts";

const [provider, sdk] = Deno.args;
if (provider === undefined || sdk === undefined) {
  console.error("Usage: scripts/tenant_operations.ts PROVIDER SDK");
  Deno.exit(2);
}
const document = readDocument(await Deno.readTextFile(join(provider, "openapi.yaml")));
const names = new Names(document, await readSdkNames(sdk, document));
const source =
  `openapi.yaml of ConductorOne/terraform-provider-conductorone at ${await headOf(provider)} ` +
  "(Copyright 2023 ConductorOne, Inc., Apache-2.0)";
for (
  const [target, text] of [
    ["src/tenants/operations.json", renderTable(document, names, source)],
    ["sdk/tenant_types.d.ts", renderTypes(document, names, source)],
  ] as const
) await Deno.writeTextFile(new URL(`../${target}`, import.meta.url), text);
console.log(`${document.operations.length} operations, ${document.messages.size} messages`);

/** The id of the commit of a clone. */
async function headOf(clone: string): Promise<string> {
  const args = ["-C", clone, "rev-parse", "HEAD"];
  const { success, stdout, stderr } = await new Deno.Command("git", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}
