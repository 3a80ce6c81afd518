/** The files of a new function. */
import { editorConfig, PRIVATE_DIR } from "./editor.ts";
import { MANIFEST_NAME } from "./manifest.ts";

/** The files of a new folder: text by path. */
export async function templateFiles(name: string): Promise<ReadonlyMap<string, string>> {
  const manifest = { name, description: "Says hello", allowlist: [] };
  return new Map([
    ["main.ts", MAIN],
    ["main.test.ts", TEST],
    [MANIFEST_NAME, `${JSON.stringify(manifest, null, 2)}\n`],
    ["deno.json", await editorConfig()],
    [".gitignore", `${PRIVATE_DIR}/\n`],
  ]);
}

const MAIN = `import type { JSONObject } from "@c1/functions-sdk";

/** Takes a JSON object and returns one. */
export default function main(input: JSONObject): JSONObject {
  const name = typeof input.name === "string" ? input.name : "world";
  console.log("greeting", name);
  return { message: \`Hello, \${name}!\` };
}
`;

const TEST = `import { test } from "@c1/test";
import type main from "./main.ts";

export default function registerTests({ handler }: { handler: typeof main }) {
  test("greets the world", async ({ equal }) => {
    const { message } = await handler({});
    equal(message, "Hello, world!");
  });

  test("greets by name", async ({ equal }) => {
    const { message } = await handler({ name: "Ada" });
    equal(message, "Hello, Ada!");
  });
}
`;
