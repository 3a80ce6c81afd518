/** The commands of README.md and of the pages about HTTP run as they are, one block after another. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { INVOKED, removeDirectory } from "./support/invoked.ts";
import { TestServer } from "./support/server.ts";

const ROOT = new URL("../", import.meta.url);
/** Blocks that are pasted in this order. */
const PASTED = [
  { page: "README.md", sections: ["Quick start", "Your own function"] },
  { page: "docs/api.md", sections: undefined },
  { page: "docs/tenants.md", sections: ["The example tenant"] },
  { page: "docs/volumes.md", sections: ["Over HTTP"] },
] as const;
/** First commands of the blocks that start a server, which a test has already; tests/release and tests/image start others. */
const STARTS = ["npm start", "npm run release", "npm run image"];
const EXPECTED = [
  '"message": "Hello, world!"',
  '"message": "Hello, Ada!"',
  "greeting Ada",
  '{"sum":6}',
  "Version 2",
  "Invocation-Status: FUNCTION_INVOCATION_STATUS_",
  "event: end",
  "Example Directory",
  "region,amo",
];

Deno.test("the blocks of the pages can be pasted", async () => {
  await using server = await TestServer.start();
  // Without a space, as the blocks have /tmp in its stead.
  const folder = await Deno.makeTempDir({ prefix: "invoked-pages-" });
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => removeDirectory(folder));
  await Deno.mkdir(join(folder, "bin"));
  await Deno.symlink(INVOKED, join(folder, "bin", "invoked"));
  await Deno.symlink(server.dataDir, join(folder, ".invoked"));
  const blocks = await Promise.all(PASTED.map(({ page, sections }) => blocksOf(page, sections)));
  const isStart = (block: string) => STARTS.some((start) => block.startsWith(`${start}\n`));
  assert.equal(blocks.flat().filter(isStart).length, STARTS.length);
  const script = blocks.flat().filter((block) => !isStart(block)).map((block) =>
    `cd ${folder}\n${
      block.replaceAll("/tmp/", `${folder}/`).replaceAll("http://127.0.0.1:8080", server.url)
    }`
  ).join("\n");
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-e", "-u", "-c", script],
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", NO_COLOR: "1" },
  }).output();
  const [output, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.equal(code, 0, `${output}\n${errors}`);
  for (const text of EXPECTED) {
    assert.ok(output?.toLowerCase().includes(text.toLowerCase()), `${text}\n${output}\n${errors}`);
  }
  // curl succeeds with an error of the API, too.
  assert.ok(!/"code":\d+,"message"/.test(output ?? ""), output);
});

async function blocksOf(path: string, sections: readonly string[] | undefined): Promise<string[]> {
  const page = await Deno.readTextFile(new URL(path, ROOT));
  return page.split(/^## /m)
    .filter((part) => sections?.some((title) => part.startsWith(`${title}\n`)) ?? true)
    .flatMap((part) => [...part.matchAll(/^```sh\n([^]*?)^```/gm)])
    .map(([, block = ""]) => block);
}
