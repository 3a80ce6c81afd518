/** Which files of a copy of the project a release copies. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { filesBelow } from "../../scripts/release/files.ts";
import { makeTempDir } from "../support/invoked.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const EXAMPLES = ["examples/hello/main.ts", "examples/hello/new.ts"];
/** What serving, building and installing in an example leave there. */
const LEFT = [
  ...["examples/hello/.invoked/master.key", "examples/hello/node_modules/a/a.js"],
  ...["examples/hello/server.log", "examples/hello/private.ts"],
];

Deno.test("a release has no file that git ignores, such as the keys of a server in an example", async () => {
  await using copy = await makeTempDir();
  const root = copy.path;
  for (const path of [".gitignore", "scripts/release/files.ts", "scripts/release/sources.ts"]) {
    await write(join(root, path), await Deno.readTextFile(join(ROOT, path)));
  }
  for (const path of [...EXAMPLES, "examples/hello/removed.ts", ...LEFT]) {
    await write(join(root, path), path);
  }
  await Deno.symlink(join(ROOT, "node_modules"), join(root, "node_modules"));
  const url = pathToFileURL(join(root, "scripts/release/sources.ts")).href;
  const { copySources, sourcesBelow }: typeof import("../../scripts/release/sources.ts") =
    await import(url);
  // Without a repository nobody knows what else a person keeps to themselves.
  assert.deepEqual(await sourcesBelow("examples"), [
    ...EXAMPLES,
    ...["examples/hello/private.ts", "examples/hello/removed.ts"],
  ]);

  await git(root, "init", "--quiet");
  await write(join(root, ".git/info/exclude"), "private.ts\n");
  await git(root, "add", "examples/hello/main.ts", "examples/hello/removed.ts");
  await Deno.remove(join(root, "examples/hello/removed.ts"));
  await copySources(join(root, "tree"), "examples");
  assert.deepEqual(await filesBelow(join(root, "tree"), ""), EXAMPLES);
});

async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, text);
}

async function git(cwd: string, ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("git", { args: [...args], cwd }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}
