/** `invoked version` in a clone, in a release, in a copy without both, and of a server. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PROTOCOL } from "../../src/cluster/link/protocol.ts";
import { MIGRATIONS } from "../../src/store/migrations/mod.ts";
import project from "../../package.json" with { type: "json" };
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { sharedServer } from "../support/shared_server.ts";
import { assertFails } from "./support.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const COMMIT = /^[0-9a-f]{40}(?:-dirty)?$/;

const OTHER_VERSIONS = {
  version: project.version,
  deno: Deno.version.deno,
  schema: Object.keys(MIGRATIONS).at(-1),
  protocol: PROTOCOL,
};

async function git(directory: string, ...args: readonly string[]): Promise<string> {
  const { stdout, success } = await new Deno.Command("git", { args: ["-C", directory, ...args] })
    .output();
  assert.ok(success, args.join(" "));
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("version names the version, the commit of the clone, Deno, the schema and the protocol", async () => {
  const { code, stdout } = await runInvoked(["version", "--json"]);
  assert.equal(code, 0);
  const { commit, ...others } = JSON.parse(stdout);
  assert.deepEqual(others, OTHER_VERSIONS);
  assert.match(commit, COMMIT);
  assert.ok(commit.startsWith(await git(ROOT, "rev-parse", "HEAD")), commit);
  const text = await runInvoked(["version"]);
  const { version, deno, schema, protocol } = OTHER_VERSIONS;
  assert.equal(
    text.stdout,
    [
      `version   ${version}`,
      `commit    ${commit}`,
      `deno      ${deno}`,
      `schema    ${schema}`,
      `protocol  ${protocol}`,
      "",
    ].join("\n"),
  );
});

Deno.test("version takes the commit of a release from its file, and otherwise says that it is unknown", async () => {
  await using directory = await makeTempDir();
  // Somebody's own repository, which is not that of the program.
  await git(directory.path, "init", "--quiet");
  await git(
    directory.path,
    ...["-c", "user.name=a", "-c", "user.email=a@example.com"],
    ...["commit", "--quiet", "--allow-empty", "-m", "own"],
  );
  const root = join(directory.path, "invoked");
  await Deno.mkdir(join(root, "bin"), { recursive: true });
  const program = join(root, "bin", "invoked");
  await Deno.copyFile(join(ROOT, "bin", "invoked"), program);
  for (const { name } of Deno.readDirSync(ROOT)) {
    if (![".git", "bin", "release.json"].includes(name)) {
      await Deno.symlink(join(ROOT, name), join(root, name));
    }
  }
  const commitOf = async () => {
    const { stdout, stderr } = await runInvoked(["version", "--json"], { program });
    assert.equal(stderr, "");
    return JSON.parse(stdout).commit;
  };
  assert.equal(await commitOf(), "unknown");
  const commit = "0123456789abcdef".repeat(3).slice(0, 40);
  await Deno.writeTextFile(join(root, "release.json"), JSON.stringify({ commit }));
  assert.equal(await commitOf(), commit);
});

Deno.test("version prints the versions of a server that a flag names, beside its own", async () => {
  const server = await sharedServer();
  const { stdout } = await runInvoked(["version", "--json", "--data", server.dataDir]);
  const { server: remote, ...own } = JSON.parse(stdout);
  assert.deepEqual(remote, { url: server.url, ...own });
  const text = await runInvoked(["version", "--data", server.dataDir]);
  assert.match(text.stdout, /^version\t(\S+)\t\1\ncommit\t(\S+)\t\2\ndeno\t/);
  await using empty = await makeTempDir();
  assertFails(await runInvoked(["version", "--data", empty.path]), 4, /does not exist/, /invoked/);
});
