import assert from "node:assert/strict";
import { atOnce } from "../support/at_once.ts";
import { assertError, ok } from "../support/expect.ts";
import { eventually } from "../support/eventually.ts";
import type { Client } from "../support/client.ts";
import { serverSuite } from "../support/suite.ts";
import { Driver, type Ending, type Step } from "./driver.ts";
import { Barrier, BARRIER_FLAGS } from "./barrier.ts";
import { Volume } from "./support.ts";

const SUCCESS = "FUNCTION_INVOCATION_STATUS_SUCCESS";
const ERROR = "FUNCTION_INVOCATION_STATUS_ERROR";

/** Stops invocations of the suite's one driver function. */
const barrier = new Barrier();
let driver: Driver | undefined;

async function prepare(client: Client, files: Readonly<Record<string, string>> = {}) {
  driver ??= await Driver.deploy(client, barrier.host);
  const volume = await Volume.create(client);
  for (const [path, content] of Object.entries(files)) await volume.put(path, content);
  return { functions: driver, volume };
}

/** Runs steps in an invocation; `meanwhile` runs after the invocation has opened its snapshot. */
async function during(
  client: Client,
  volume: Volume,
  steps: { readonly before?: readonly Step[]; readonly after?: readonly Step[] },
  meanwhile: () => Promise<unknown>,
): Promise<Ending> {
  const { before = [], after = [] } = steps;
  const { functions } = await prepare(client);
  const url = barrier.next();
  const running = functions.run(volume.id, ...before, ["barrier", url], ...after);
  await Promise.race([barrier.arrived(url), running]);
  await meanwhile();
  barrier.open(url);
  return await running;
}

/** Functions without an await, and one that awaits a write that fails. */
async function unfinished(client: Client): Promise<void> {
  const withoutAwait = [
    `vfs.writeTextFile("/late", "x".repeat(1_000_000));`,
    `vfs.writeFile("/late", new ReadableStream({ async pull(c) {
      c.enqueue(new Uint8Array(1000)); await new Promise((done) => setTimeout(done, 5)); } }));
     while (!await vfs.exists("/late"));`,
  ];
  for (const code of withoutAwait) {
    const { volume } = await prepare(client);
    const id = await client.deploy(
      `import { vfs } from "@c1/functions-sdk";
       export default async () => { await vfs.writeTextFile("/whole", "1"); ${code} return {}; };`,
    );
    const { invocationId } = ok(await client.invoke(id, {}, {}, { vfsId: volume.id }));
    const { status, error } = await client.invocation(id, invocationId);
    assert.equal(status, ERROR, code);
    assert.match(error, /^VFS_UNFINISHED: \/late was still being written .*: await the write$/);
    assert.deepEqual(await volume.tree(), {});
  }
  const { volume } = await prepare(client);
  const id = await client.deploy(
    `import { vfs } from "@c1/functions-sdk";
     export default async () => {
       const failing = new ReadableStream({ pull(c) { c.error(new Error("no more")); } });
       const message = await vfs.writeFile("/a", failing).catch((error) => error.message);
       await vfs.writeTextFile("/b", "2");
       return { message };
     };`,
  );
  const { invocationId } = ok(await client.invoke(id, {}, {}, { vfsId: volume.id }));
  const { status, output } = await client.invocation(id, invocationId);
  assert.deepEqual([status, output], [SUCCESS, { message: "no more" }]);
}

/** Invocations queue for a slot without a limit: the tests start more than run at a time, also on a busy machine. */
const QUEUE_FLAGS = ["--max-wait", "7d", "--queue-timeout", "1h"];

serverSuite("transactions of volumes", { flags: [...BARRIER_FLAGS, ...QUEUE_FLAGS] }, {
  "commit with the success, and the record names them": async ({ client }) => {
    const { functions, volume } = await prepare(client, { a: "1" });
    const { record } = await functions.run(
      volume.id,
      ["writeTextFile", "/b", "2"],
      ["remove", "/a"],
    );
    assert.deepEqual(
      [record.status, record.vfsId, record.vfsVersionRead, record.vfsVersionWritten],
      [SUCCESS, volume.id, 1, 2],
    );
    assert.deepEqual(await volume.tree(), { "/b": "2" });
    const [version] = ok(await client.get(`${volume.path}/versions`)).list;
    assert.deepEqual([version.version, version.invocationId, version.paths], [
      2,
      record.id,
      ["/a", "/b"],
    ]);
    const reading = await functions.run(volume.id, ["readTextFile", "/b"]);
    assert.deepEqual([reading.record.vfsVersionRead, reading.record.vfsVersionWritten], [
      2,
      undefined,
    ]);
    assert.equal((await volume.get()).version, 2);
  },

  "change nothing after a failure": async ({ client }) => {
    const { functions, volume } = await prepare(client, { a: "1" });
    const change = [["writeTextFile", "/a", "2"], [
      "writeTextFile",
      "/b",
      "x".repeat(50_000),
    ]] as const;
    const thrown = await functions.run(volume.id, ...change, ["throw"]);
    assert.match(thrown.record.error, /^UNCAUGHT: /);
    assert.deepEqual([thrown.record.vfsVersionRead, thrown.record.vfsVersionWritten], [
      1,
      undefined,
    ]);
    const id = await functions.start(volume.id, ...change, ["hang"]);
    const running = async () =>
      (await client.invocation(functions.id, id)).status.endsWith("RUNNING");
    await eventually(async () => await running() || undefined, "its start");
    ok(await client.post(`/api/v1/functions/${functions.id}/invocations/${id}/cancel`));
    assert.match((await client.ended(functions.id, id)).error, /^CANCELLED: /);
    assert.deepEqual(await volume.tree(), { "/a": "1" });
    assert.equal((await volume.get()).version, 1);
  },

  "read the snapshot of their start": async ({ client }) => {
    const { volume } = await prepare(client, { a: "old" });
    const after: Step[] = [["readTextFile", "/a"]];
    const { record, results } = await during(client, volume, { after }, async () => {
      await volume.put("a", "new");
      await volume.put("a", "newer");
      ok(await client.post(`${volume.path}/restore`, { version: 2 }));
    });
    assert.deepEqual([record.status, results?.at(-1).value, record.vfsVersionRead], [
      SUCCESS,
      "old",
      1,
    ]);
    assert.deepEqual(await volume.tree(), { "/a": "new" });
  },

  "conflict with an earlier commit": async ({ client }) => {
    const { volume } = await prepare(client, { a: "1" });
    const after: Step[] = [["writeTextFile", "/a", "mine"], ["writeTextFile", "/mine", "1"]];
    const { record } = await during(client, volume, { after }, () => volume.put("a", "theirs"));
    assert.equal(record.status, ERROR);
    assert.equal(
      record.error,
      "VFS_CONFLICT: /a changed since this invocation started (version 1, now 2)",
    );
    assert.deepEqual([record.vfsVersionRead, record.vfsVersionWritten, record.output], [
      1,
      undefined,
      undefined,
    ]);
    assert.deepEqual(await volume.tree(), { "/a": "theirs" });
  },

  "conflict with removals, moves and parent directories": async ({ client }) => {
    const cases: [Step, (volume: Volume) => Promise<unknown>, string | undefined][] = [
      [["remove", "/d", { recursive: true }], (v) => v.put("d/new", "1"), "/d/new"],
      [["remove", "/d", { recursive: true }], (v) => v.put("d/f", "1"), "/d/f"],
      [["writeTextFile", "/d/x", "1"], (v) => v.delete("d", "?recursive=true"), "/d"],
      [["rename", "/d", "/e"], (v) => v.put("d/new", "1"), "/d/new"],
      [["rename", "/d/f", "/g"], (v) => v.delete("d/f"), "/d/f"],
      [["mkdir", "/n"], (v) => v.put("n/x", "1"), "/n"],
      [["mkdir", "/n", { recursive: true }], (v) => v.put("n/x", "1"), undefined],
      [["writeTextFile", "/n", "1"], (v) => v.put("n/x", "1"), "/n"],
      [["writeTextFile", "/d/x", "1"], (v) => v.put("d/y", "1"), undefined],
      [["remove", "/d/f"], (v) => v.delete("d/f"), "/d/f"],
    ];
    for (const [step, meanwhile, conflict] of cases) {
      const { volume } = await prepare(client, { "d/f": "1" });
      const { record } = await during(client, volume, { after: [step] }, () => meanwhile(volume));
      const found = /^VFS_CONFLICT: (\S+) changed since.*\(version 1, now 2\)$/.exec(
        record.error ?? "",
      );
      assert.equal(found?.[1], conflict, `${JSON.stringify(step)}: ${record.error}`);
      const tree = await volume.tree();
      for (const path of Object.keys(tree)) {
        const parent = path.slice(0, path.lastIndexOf("/"));
        assert.ok(parent === "" || tree[parent] === null, `${path} has no directory`);
      }
    }
  },

  "do not conflict on different paths": async ({ client }) => {
    const { functions, volume } = await prepare(client);
    const answers = await atOnce(
      8,
      (n) =>
        functions.run(volume.id, ["mkdir", "/d", { recursive: true }], [
          "writeTextFile",
          `/d/${n}`,
          "1",
        ]),
    );
    assert.deepEqual(answers.map(({ record }) => record.status), answers.map(() => SUCCESS));
    assert.equal((await volume.get()).fileCount, 8);
    assert.equal((await volume.get()).version, 8);
  },

  "count to 24 with 24 that add 1 and retry": async ({ client }) => {
    const { functions, volume } = await prepare(client);
    let conflicts = 0;
    // The first two have both read the counter before either ends.
    const held = [barrier.next(), barrier.next()];
    const add = async (_: unknown, n: number) => {
      for (let url = held[n];; url = undefined) {
        const waits: Step[] = url === undefined ? [] : [["barrier", url]];
        const { record } = await functions.run(volume.id, ["add", "/counter"], ...waits);
        if (record.status === SUCCESS) return;
        assert.match(record.error, /^VFS_CONFLICT: \/counter changed since/);
        conflicts++;
      }
    };
    const adding = Promise.all(Array.from({ length: 24 }, add));
    await Promise.race([Promise.all(held.map((url) => barrier.arrived(url))), adding]);
    for (const url of held) barrier.open(url);
    await adding;
    assert.deepEqual(await volume.tree(), { "/counter": "24" });
    assert.equal((await volume.get()).version, 24);
    assert.ok(conflicts > 0, "no two of them conflicted");
  },

  "keep no part of a file that is still being written at the return"({ client }) {
    return unfinished(client);
  },

  "end as a conflict if the volume is deleted": async ({ client }) => {
    const { volume } = await prepare(client, { a: "1" });
    const after: Step[] = [["writeTextFile", "/b", "1"]];
    const { record } = await during(
      client,
      volume,
      { after },
      () => client.call("DELETE", volume.path),
    );
    assert.match(record.error, /^VFS_CONFLICT: volume \S+ was deleted since/);
    assertError(await volume.read("b"), "VOLUME_NOT_FOUND");
  },

  "keep to the quota, when they write and when they commit": async ({ client }) => {
    const { functions } = await prepare(client);
    const volume = await Volume.create(client, { quotaBytes: 1000 });
    await volume.put("a", "x".repeat(600));
    const { results, record } = await functions.run(
      volume.id,
      ["writeTextFile", "/b", "x".repeat(401)],
      ["exists", "/b"],
      ["writeTextFile", "/b", "x".repeat(400)],
      ["writeTextFile", "/b", "x", { append: true }],
      ["copyFile", "/b", "/c"],
      ["remove", "/a"],
      ["copyFile", "/b", "/c"],
    );
    assert.equal(record.status, SUCCESS);
    const errors = results?.map(({ error }) => error);
    const over = "VfsQuotaExceededError";
    assert.deepEqual(errors, [over, undefined, undefined, over, over, undefined, undefined]);
    assert.match(
      results?.[0].message,
      /would hold 1,001 B, its quota is 1,000 B, and it holds 600 B$/,
    );
    assert.equal((await volume.get()).usedBytes, "800");

    const late = await during(
      client,
      volume,
      { before: [["writeTextFile", "/d", "x".repeat(200)]] },
      () => volume.put("e", "x".repeat(200)),
    );
    assert.match(
      late.record.error,
      /^VFS_QUOTA: Volume \S+ is full: it would hold 1,200 B, its quota is 1,000 B/,
    );
    assert.equal((await volume.get()).usedBytes, "1000");
  },

  "bound what a hostile function holds": async ({ client }) => {
    const volume = await Volume.create(client, { quotaBytes: 2_000_000 });
    const id = await client.deploy(`
      import { vfs } from "@c1/functions-sdk";
      export default async () => {
        const seen = {};
        const files = [];
        try { for (;;) files.push(await vfs.create("/f" + files.length)); }
        catch (error) { seen.open = [files.length, error.name]; }
        for (const file of files) file.close();
        let held = 0;
        try {
          for (let n = 0; n < 50; n++) {
            const file = await vfs.create("/hidden");
            for (let k = 0; k < 2; k++) held += await file.write(new Uint8Array(100_000));
            await vfs.remove("/hidden");
          }
        } catch (error) { seen.hidden = [held <= 2_000_000, error.name]; }
        return seen;
      };
    `);
    assert.deepEqual(await volume.output(id), {
      open: [64, "VfsQuotaExceededError"],
      hidden: [true, "VfsQuotaExceededError"],
    });
  },
});
