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
  const modules = ["files", "manifest", "sources"].map((name) => `scripts/release/${name}.ts`);
  for (const path of [".gitignore", "package.json", ...modules]) {
    await write(join(root, path), await Deno.readTextFile(join(ROOT, path)));
  }
  for (const path of [...EXAMPLES, "examples/hello/removed.ts", ...LEFT]) {
    await write(join(root, path), path);
  }
  await Deno.symlink(join(ROOT, "node_modules"), join(root, "node_modules"));
  const moduleAt = (path: string) => import(pathToFileURL(join(root, path)).href);
  const { copySources, sourcesBelow }: typeof import("../../scripts/release/sources.ts") =
    await moduleAt("scripts/release/sources.ts");
  // Without a repository nobody knows what else a person keeps to themselves.
  assert.deepEqual(await sourcesBelow("examples"), [
    ...EXAMPLES,
    ...["examples/hello/private.ts", "examples/hello/removed.ts"],
  ]);

  const { releaseRecord }: typeof import("../../scripts/release/manifest.ts") = await moduleAt(
    "scripts/release/manifest.ts",
  );
  const { commit, date } = await releaseRecord();
  assert.deepEqual([commit, date], ["unknown", "1970-01-01T00:00:00.000Z"]);

  await git(root, "init", "--quiet");
  await write(join(root, ".git/info/exclude"), "private.ts\n");
  await git(root, "add", "examples/hello/main.ts", "examples/hello/removed.ts");
  await Deno.remove(join(root, "examples/hello/removed.ts"));
  await copySources(join(root, "tree"), "examples");
  assert.deepEqual(await filesBelow(join(root, "tree"), ""), EXAMPLES);
});

Deno.test("npm run release says in one error what keeps it from git, and leaves the last release", async () => {
  await using tools = await makeTempDir();
  const started = async () => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "--allow-all", join(ROOT, "scripts/release.ts")],
      env: { PATH: tools.path },
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  };
  assert.deepEqual(await started(), {
    ...{ code: 1, stdout: "" },
    stderr: "error: git was not found; install it\n",
  });
  const git = "#!/bin/sh\necho 'fatal: detected dubious ownership' >&2\nexit 128\n";
  await Deno.writeTextFile(join(tools.path, "git"), git, { mode: 0o755 });
  const { code, stderr } = await started();
  assert.equal(code, 1);
  assert.match(stderr, /^error: git .* failed:\nfatal: detected dubious ownership\n$/);
});

async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, text);
}

async function git(cwd: string, ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("git", { args: [...args], cwd }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}
