import { installed } from "./installation.ts";

/** The JSON Schema of `invoked.json`, as the package carries it. `deno task docs` writes it. */
export const MANIFEST_SCHEMA_NAME = "invoked.schema.json";

/** The text of the file. */
export async function readManifestSchema(): Promise<string> {
  return await Deno.readTextFile(installed(MANIFEST_SCHEMA_NAME));
}
