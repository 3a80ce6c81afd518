/** Prints the types of the API, from its OpenAPI document. `scripts/schema` writes them to a file. */
import openapiTS, { astToString } from "openapi-typescript";

const DOCUMENT = new URL("../docs/openapi.json", import.meta.url);

const types = await openapiTS(JSON.parse(await Deno.readTextFile(DOCUMENT)), {
  alphabetize: true,
  defaultNonNullable: false,
});
console.log(`// deno-fmt-ignore-file\n// deno-lint-ignore-file\n${astToString(types)}`);
