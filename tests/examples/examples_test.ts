/** The examples, as their pages say: tested, checked, deployed and called by the command line. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { base64, type Client, type Json, unbase64 } from "../support/client.ts";
import { childrenOf } from "../sdk/support.ts";
import { LOOPBACK } from "../egress/support.ts";
import { PRIVATE_DIR } from "../../src/cli/folder/editor.ts";
import { shareDownloads } from "../support/downloads.ts";
import { startOnce, type TestServer } from "../support/server.ts";
import { makeTempDir, runInvoked, type RunOptions } from "../support/invoked.ts";
import { serverSuite, type Stage } from "../support/suite.ts";

const EXAMPLES_DIR = fileURLToPath(new URL("../../examples/", import.meta.url));
const EXAMPLES = [
  ...["calls-functions", "csv-report", "hello", "npm-package"],
  ...["slack-webhook", "user-name"],
];

/** A copy of an example's folder: what the commands write into it goes with it. */
class Example implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly dataDir: string | undefined,
    readonly directory: AsyncDisposable,
  ) {}

  /** @param dataDir that of the server that the commands are for; undefined for those that need none */
  static async open(name: string, dataDir?: string): Promise<Example> {
    const directory = await makeTempDir();
    const folder = join(directory.path, name);
    await copyFolder(join(EXAMPLES_DIR, name), folder);
    await shareDownloads(join(folder, PRIVATE_DIR), startOnce);
    return new Example(folder, dataDir, directory);
  }

  /** Runs a command that must succeed; answers what it printed. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const env = this.dataDir === undefined ? {} : { INVOKED_DATA: this.dataDir };
    const run = await runInvoked(args, { cwd: this.folder, env, ...options });
    assert.equal(run.code, 0, `${args.join(" ")}: ${run.stdout}${run.stderr}`);
    return run.stdout.trimEnd();
  }

  async invoke(input: unknown): Promise<Json> {
    return JSON.parse(await this.ok(["invoke", "--input", JSON.stringify(input)]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.directory[Symbol.asyncDispose]();
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (name.startsWith(".")) continue;
    if (isDirectory) await copyFolder(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}

async function greet(client: Client, id: string, input: unknown): Promise<Json> {
  const { status, body } = await client.post(`/api/v1/functions/${id}/invoke`, {
    json: base64(JSON.stringify(input)),
  });
  assert.equal(status, 200, JSON.stringify(body));
  return JSON.parse(unbase64(body.json));
}

async function firstStart({ client, server }: Stage<TestServer>): Promise<void> {
  const { list } = (await client.get("/api/v1/functions")).body;
  assert.deepEqual(list.map(({ displayName }: Json) => displayName), ["hello"]);
  const [{ id, isDraft }] = list;
  assert.equal(isDraft, false);
  assert.ok(server.welcome.includes(`/api/v1/functions/${id}/invoke`));
  assert.deepEqual(await greet(client, id, { name: "Ada" }), { message: "Hello, Ada!" });
  assert.deepEqual(await greet(client, id, {}), { message: "Hello, world!" });
}

/** Deploys and publishes an example on the server. @param volume that it binds, created before */
async function deployed(name: string, { server }: Stage, volume?: string): Promise<Example> {
  const example = await Example.open(name, server.dataDir);
  if (volume !== undefined) await example.ok(["volumes", "create", volume]);
  await example.ok(["deploy", "--publish"]);
  return example;
}

async function userNames(stage: Stage): Promise<void> {
  await using example = await deployed("user-name", stage, "user-names");
  const person = { givenName: "Ada", familyName: "Lovelace" };
  const names: string[] = [];
  for (let n = 0; n < 3; n++) names.push((await example.invoke(person)).userName);
  assert.deepEqual(names, ["ada.lovelace", "alovelace", "ada.lovelace2"]);
  const kept = await example.ok(["volumes", "cat", "user-names:/names/alovelace"]);
  assert.deepEqual(JSON.parse(kept), person);
}

async function webhook(stage: Stage): Promise<void> {
  const bodies: unknown[] = [];
  await using service = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (r) => {
    bodies.push(await r.json());
    return bodies.length === 1
      ? new Response("busy", { status: 429, headers: { "retry-after": "0" } })
      : new Response("ok");
  });
  await using example = await Example.open("slack-webhook", stage.server.dataDir);
  const path = join(example.folder, "invoked.json");
  const manifest = JSON.parse(await Deno.readTextFile(path));
  const host = `127.0.0.1:${service.addr.port}`;
  await Deno.writeTextFile(path, JSON.stringify({ ...manifest, allowlist: [host] }));
  await example.ok(["deploy", "--publish"]);
  await example.ok(["secrets", "set", ".", "WEBHOOK_URL"], {
    stdin: `http://${host}/services/hook`,
    env: { INVOKED_DATA: stage.server.dataDir },
  });
  assert.deepEqual(await example.invoke({ text: "Hello" }), { posted: true, attempts: 2 });
  assert.deepEqual(bodies, [{ text: "Hello" }, { text: "Hello" }]);
}

async function csvReport(stage: Stage): Promise<void> {
  await using example = await deployed("csv-report", stage, "sales");
  await example.ok(["volumes", "put", "-", "sales:/sales.csv"], {
    stdin: "region,amount\nnorth,10.5\nsouth,2\n",
    env: { INVOKED_DATA: stage.server.dataDir },
  });
  const output = await example.invoke({ groupBy: "region", sum: "amount" });
  assert.deepEqual(output, { rows: 2, groups: 2, report: "/report.md" });
  const report = await example.ok(["volumes", "cat", "sales:/report.md"]);
  assert.match(report, /^\| north \| 1 \| 10\.50 \|\n\| south \| 1 \| 2\.00 \|$/m);
}

async function callsFunctions(stage: Stage): Promise<void> {
  await using example = await deployed("calls-functions", stage);
  const output = await example.invoke({ names: ["Ada", "Grace", "Linus"] });
  assert.deepEqual(output.greetings, ["Hello, Ada!", "Hello, Grace!", "Hello, Linus!"]);
  const { id } = JSON.parse(await example.ok(["show", ".", "latest", "--json"]));
  assert.equal((await childrenOf(stage.client, id)).length, 3);
}

async function npmPackage(stage: Stage): Promise<void> {
  await using example = await deployed("npm-package", stage);
  const items = [{ price: 2.5, count: 2 }];
  const order = { id: "AB-17", placedAt: "2026-01-31T12:00:00Z", items };
  assert.deepEqual(await example.invoke(order), { valid: true, id: "AB-17", total: 5 });
  assert.equal((await example.invoke({ ...order, id: "" })).valid, false);
}

/** The tests of every example; those that need a volume have been deployed before. */
async function tests({ server }: Stage): Promise<void> {
  const there = Array.from(Deno.readDirSync(EXAMPLES_DIR), ({ name }) => name);
  assert.deepEqual(there.toSorted(), [...EXAMPLES, "tenant"].toSorted());
  for (const name of EXAMPLES) {
    await using example = await Example.open(name, server.dataDir);
    assert.ok((await Deno.readTextFile(join(example.folder, "README.md"))).startsWith("# "));
    await example.ok(["deploy"]);
    assert.match(await example.ok(["test", "--remote"]), /^ok /);
  }
}

// The static checks of `scripts/test` check the types of all, with the packages of this project.
Deno.test("an example is tested in its folder, and the types of its package are found", async () => {
  await using report = await Example.open("csv-report");
  assert.match(await report.ok(["test"]), /^ok /);
  await using order = await Example.open("npm-package");
  assert.equal(await order.ok(["check"]), "");
});

serverSuite("the examples", { flags: LOOPBACK }, {
  "hello is there after the first start": firstStart,
  "user names are given once": userNames,
  "a webhook is tried again while it is busy": webhook,
  "a report is written on a volume": csvReport,
  "a function calls functions": callsFunctions,
  "a package of npm is used": npmPackage,
  "the tests of each pass": tests,
});
