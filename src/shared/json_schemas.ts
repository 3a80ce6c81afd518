import { installed } from "./installation.ts";

/** The JSON Schemas that the package carries, for editors. `deno task docs` writes them. */
export const MANIFEST_SCHEMA_NAME = "invoked.schema.json";
export const SERVER_SCHEMA_NAME = "invoked-server.schema.json";

/** The text of a schema. */
export async function readJsonSchema(name: string): Promise<string> {
  return await Deno.readTextFile(installed(name));
}
