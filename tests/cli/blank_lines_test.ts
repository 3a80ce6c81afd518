/** What the command line reads of the text of a function's modules. */
import assert from "node:assert/strict";
import { handlersOf } from "../../src/cli/folder/handlers.ts";
import { warningsBeyondC1 } from "../../src/cli/tenant_functions/beyond_c1.ts";

Deno.test("blank lines of a module are read once, and not again for each of them", () => {
  // If each line reads the lines behind it, this does not end.
  const blank = "\n".repeat(3_000_000);
  const files = (code: string) =>
    new Map([["main.ts", new TextEncoder().encode(`${blank}  ${code}${blank}`)]]);
  assert.deepEqual(warningsBeyondC1(files(`import { vfs } from "@c1/functions-sdk";`)), [
    "C1 does not document vfs of @c1/functions-sdk, as in main.ts",
  ]);
  const exported = [
    ["export default () => {};", { fetch: false, json: true }],
    ["const main = () => {};\n  export { main as default };", { fetch: false, json: true }],
    [`export * from "./other.ts";`, { fetch: undefined, json: false }],
  ] as const;
  for (const [code, handlers] of exported) assert.deepEqual(handlersOf(files(code)), handlers);
});
