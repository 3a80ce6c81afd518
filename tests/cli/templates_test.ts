/** `invoked init --template`. tests/console/templates.ts creates and runs every template, and tests those that are no examples. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { PRIVATE_DIR } from "../../src/cli/folder/editor.ts";
import { shareDownloads } from "../support/downloads.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { ROOT } from "../support/repository.ts";
import { startOnce } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { unique } from "../triggers/support.ts";
import { assertFails } from "./support.ts";

const WITH_PACKAGES = "mcp";

/** The example of a tenant is no function. */
const NO_TEMPLATE = "tenant";

async function namesIn(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(new URL(`${folder}/`, ROOT)));
  return entries.filter(({ name, isDirectory }) => isDirectory && name !== NO_TEMPLATE)
    .map(({ name }) => name);
}

Deno.test("init offers all examples and templates, with the name of the function", async (t) => {
  await using directory = await makeTempDir();
  const names = [...await namesIn("examples"), ...await namesIn("templates")].toSorted();
  const init = async (template: string, ...args: string[]) =>
    await runInvoked(["init", "--template", template, ...args], { cwd: directory.path });

  await t.step("an unknown one is rejected with the names of all", async () => {
    const failed = await init("nope", "x");
    assertFails(failed, 2, new RegExp(`"nope" is not one of ${names.join(", ")}$`, "m"), /--help/);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(directory.path)), []);
  });
  await t.step("help and completions list them", async () => {
    const { stdout } = await runInvoked(["init", "--help"]);
    for (const name of names) assert.match(stdout, new RegExp(`^ {2}${name} +[A-Z].*`, "m"));
    const completed = await runInvoked(["complete", "--", "init", "--template", ""]);
    assert.deepEqual(completed.stdout.match(/^[\w-]+/gm), names);
  });
  await t.step("their files, settings and triggers are those of the new function", async () => {
    await Promise.all(names.map(async (name) => {
      const { code, stderr } = await init(name, `Mý ${name}`);
      assert.equal(code, 0, stderr);
      const manifest = JSON.parse(
        await Deno.readTextFile(join(directory.path, `Mý ${name}`, "invoked.json")),
      );
      assert.equal(manifest.name, `Mý ${name}`);
      const slugs = Object.values<{ http?: { slug: string } }>(manifest.triggers ?? {})
        .flatMap(({ http }) => http?.slug ?? []);
      assert.deepEqual(slugs, ["html-page", "mcp"].includes(name) ? [`my-${name}`] : []);
      const files = await Array.fromAsync(Deno.readDir(join(directory.path, `Mý ${name}`)));
      const present = files.map((file) => file.name);
      assert.ok(present.includes("main.ts") && present.includes("deno.json"), name);
      assert.ok(!present.includes("README.md"), name);
    }));
  });
  await t.step("the types of those that are no examples are correct", async () => {
    // It imports packages, which a check downloads.
    const cwd = join(directory.path, `Mý ${WITH_PACKAGES}`);
    await shareDownloads(join(cwd, PRIVATE_DIR), startOnce);
    const { code, stdout, stderr } = await runInvoked(["check"], { cwd });
    assert.deepEqual([code, stdout], [0, ""], stderr);
    // One run of the compiler for all others, as an editor checks them.
    const others = (await namesIn("templates")).filter((name) => name !== WITH_PACKAGES);
    const workspace = others.map((name) => `./Mý ${name}`);
    await Deno.writeTextFile(join(directory.path, "deno.json"), JSON.stringify({ workspace }));
    const checked = await new Deno.Command(Deno.execPath(), {
      args: ["check", ...workspace],
      cwd: directory.path,
      env: { NO_COLOR: "1" },
    }).output();
    const report = new TextDecoder().decode(checked.stderr);
    assert.equal(checked.code, 0, report);
    for (const name of others) assert.ok(report.includes(`${name}/main.ts`), report);
  });
});

Deno.test("a client of MCP uses the tools of the template mcp", async () => {
  const server = await sharedServer();
  await using directory = await makeTempDir();
  const name = unique("words");
  const folder = join(directory.path, name);
  const options = { cwd: folder, env: { INVOKED_DATA: server.dataDir } };
  for (const args of [["init", "--template", "mcp", folder], ["deploy", "--publish"]]) {
    const run = await runInvoked(args, args[0] === "init" ? {} : options);
    assert.equal(run.code, 0, run.stderr);
  }
  const url = new URL(`${server.url}/run/${name}/`);
  const connect = async (token: string) => {
    const client = new Client({ name: "test", version: "1.0.0" });
    const headers = { authorization: `Bearer ${token}` };
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
    return client;
  };
  const token = (await runInvoked(["token"], options)).stdout.trim();
  const client = await connect(token);
  try {
    assert.deepEqual(client.getServerVersion()?.name, "words");
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map((tool) => tool.name), ["count_words"]);
    const { structuredContent } = await client.callTool({
      name: "count_words",
      arguments: { text: "a b a" },
    });
    assert.deepEqual(structuredContent, {
      words: [{ word: "a", count: 2 }, { word: "b", count: 1 }],
    });
    const wrong = await client.callTool({ name: "count_words", arguments: { text: 1 } });
    assert.equal(wrong.isError, true);
  } finally {
    await client.close();
  }
  await assert.rejects(connect("wrong"));
});
