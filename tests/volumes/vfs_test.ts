import assert from "node:assert/strict";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { Driver, type Step } from "./driver.ts";
import { Volume } from "./support.ts";

/** Steps on an empty volume with their values, and for errors their names. */
type Case = readonly (readonly [Step, unknown])[];

/** The behaviour of Deno's file API, case by case. */
const CASES: Readonly<Record<string, Case>> = {
  "reads what it wrote": [
    [["writeTextFile", "/a", "1"], null],
    [["readTextFile", "a"], "1"],
    [["readTextFile", "./b/../a"], "1"],
    [["writeTextFile", "/a", "22"], null],
    [["readTextFile", "/a"], "22"],
  ],
  "appends and creates": [
    [["writeTextFile", "/a", "1", { append: true }], null],
    [["writeTextFile", "/a", "2", { append: true }], null],
    [["readTextFile", "/a"], "12"],
    [["writeTextFile", "/a", "3", { createNew: true }], "AlreadyExists"],
    [["writeTextFile", "/b", "3", { createNew: true }], null],
    [["writeTextFile", "/c", "3", { create: false }], "NotFound"],
    [["writeTextFile", "/b", "4", { create: false }], null],
    [["tree"], { "/a": "12", "/b": "4" }],
  ],
  "needs directories": [
    [["writeTextFile", "/d/a", "1"], "NotFound"],
    [["mkdir", "/d/e"], "NotFound"],
    [["mkdir", "/d"], null],
    [["mkdir", "/d"], "AlreadyExists"],
    [["mkdir", "/d", { recursive: true }], null],
    [["mkdir", "/d/e/f", { recursive: true }], null],
    [["writeTextFile", "/d/a", "1"], null],
    [["mkdir", "/d/a"], "AlreadyExists"],
    [["mkdir", "/d/a", { recursive: true }], "AlreadyExists"],
    [["mkdir", "/d/a/b", { recursive: true }], "NotADirectory"],
    [["mkdir", "/"], "AlreadyExists"],
    [["mkdir", "/", { recursive: true }], null],
    [["readDir", "/d"], ["a", "e/"]],
    [["readDir", "/d/a"], "NotADirectory"],
    [["readDir", "/none"], "NotFound"],
    [["readDir", "/"], ["d/"]],
  ],
  "distinguishes files from directories": [
    [["mkdir", "/d"], null],
    [["writeTextFile", "/f", "123"], null],
    [["stat", "/d"], { isFile: false, isDirectory: true, isSymlink: false, size: 0, mtime: true }],
    [["stat", "/f"], { isFile: true, isDirectory: false, isSymlink: false, size: 3, mtime: true }],
    [["stat", "/x"], "NotFound"],
    [["stat", "/f/x"], "NotADirectory"],
    [["readTextFile", "/d"], "IsADirectory"],
    [["writeTextFile", "/d", "1"], "IsADirectory"],
    [["writeTextFile", "/", "1"], "IsADirectory"],
    [["writeTextFile", "/f/x", "1"], "NotADirectory"],
    [["exists", "/d"], true],
    [["exists", "/d", { isFile: true }], false],
    [["exists", "/d", { isDirectory: true }], true],
    [["exists", "/x"], false],
    [["exists", "/f/x"], false],
  ],
  "removes": [
    [["mkdir", "/d/e", { recursive: true }], null],
    [["writeTextFile", "/d/e/f", "1"], null],
    [["remove", "/x"], "NotFound"],
    [["remove", "/x", { recursive: true }], "NotFound"],
    [["remove", "/d"], "Error"],
    [["remove", "/d", { recursive: true }], null],
    [["tree"], {}],
    [["remove", "/"], "TypeError"],
    [["mkdir", "/d"], null],
    [["remove", "/d"], null],
    [["exists", "/d"], false],
  ],
  "renames": [
    [["writeTextFile", "/a", "1"], null],
    [["rename", "/a", "/b"], null],
    [["rename", "/a", "/b"], "NotFound"],
    [["writeTextFile", "/c", "2"], null],
    [["rename", "/c", "/b"], null],
    [["readTextFile", "/b"], "2"],
    [["rename", "/b", "/b"], null],
    [["mkdir", "/d/e", { recursive: true }], null],
    [["rename", "/b", "/d"], "IsADirectory"],
    [["rename", "/d", "/b"], "NotADirectory"],
    [["rename", "/b", "/none/b"], "NotFound"],
    [["rename", "/b", "/d/e/b"], null],
    [["rename", "/d", "/d/e/x"], "TypeError"],
    [["mkdir", "/full"], null],
    [["writeTextFile", "/full/f", "3"], null],
    [["rename", "/d", "/full"], "Error"],
    [["mkdir", "/free"], null],
    [["rename", "/d", "/free"], null],
    [["tree"], {
      "/free": null,
      "/free/e": null,
      "/free/e/b": "2",
      "/full": null,
      "/full/f": "3",
    }],
  ],
  "copies": [
    [["writeTextFile", "/a", "1"], null],
    [["copyFile", "/a", "/b"], null],
    [["writeTextFile", "/a", "2"], null],
    [["tree"], { "/a": "2", "/b": "1" }],
    [["copyFile", "/a", "/b"], null],
    [["copyFile", "/a", "/a"], null],
    [["copyFile", "/x", "/b"], "NotFound"],
    [["mkdir", "/d"], null],
    [["copyFile", "/d", "/e"], "IsADirectory"],
    [["copyFile", "/a", "/d"], "IsADirectory"],
    [["copyFile", "/a", "/none/a"], "NotFound"],
    [["tree"], { "/a": "2", "/b": "2", "/d": null }],
  ],
  "lists in the order of the names' bytes": [
    [["writeTextFile", "/\u{1f4a5}", "1"], null],
    [["writeTextFile", "/\uff5e", "1"], null],
    [["writeTextFile", "/a-b", "1"], null],
    [["mkdir", "/a"], null],
    [["readDir", "/"], ["a/", "a-b", "\uff5e", "\u{1f4a5}"]],
  ],
  "keeps to the volume": [
    [["writeTextFile", "/../a", "1"], "TypeError"],
    [["readTextFile", "../../etc/passwd"], "TypeError"],
    [["writeTextFile", "/a\u0000b", "1"], "TypeError"],
    [["writeTextFile", "/" + "a".repeat(256), "1"], "TypeError"],
    [["mkdir", "/" + "a/".repeat(600), { recursive: true }], "TypeError"],
    [["writeTextFile", "/caf\u00e9", "1"], null],
    [["readTextFile", "/cafe\u0301"], "1"],
    [["exists", "/CAF\u00c9"], false],
    [["mkdir", "/__proto__"], null],
    [["writeTextFile", "/__proto__/toString", "1"], null],
    [["readDir", "/__proto__"], ["toString"]],
  ],
};

/** Runs a case in one invocation, or in one for each step: a snapshot must behave as own writes do. */
async function check({ client }: Stage, driver: Driver, steps: Case, each: boolean): Promise<void> {
  const volume = await Volume.create(client);
  const groups = each ? steps.map((step) => [step]) : [steps];
  for (const group of groups) {
    const values = await driver.values(volume.id, ...group.map(([step]) => step));
    assert.deepEqual(values, group.map(([, expected]) => expected));
  }
  const last = steps.at(-1);
  if (last?.[0][0] === "tree") assert.deepEqual(await volume.tree(), last[1]);
}

sharedSuite(
  "vfs behaves as Deno's file API",
  Object.fromEntries(
    Object.entries(CASES).flatMap(([name, steps]) =>
      [false, true].map((each) => [
        `${name}, ${each ? "in an invocation for each step" : "in one invocation"}`,
        async (stage: Stage) => {
          driver ??= await Driver.deploy(stage.client);
          await check(stage, driver, steps, each);
        },
      ])
    ),
  ),
);
let driver: Driver | undefined;

sharedSuite("vfs in a function", {
  "names the way to attach a volume if it has none": async ({ client }) => {
    const functions = await Driver.deploy(client);
    for (const step of [["readTextFile", "/a"], ["writeTextFile", "/a", "1"], ["mkdir", "/a"]]) {
      const { results, record } = await functions.run("", step as unknown as Step);
      assert.equal(results?.[0].error, "VfsNotAttachedError");
      assert.match(results?.[0].message, /POST \/api\/v1\/vfs\/volumes.* vfsId/);
      assert.equal(record.vfsId, undefined);
    }
  },

  "throws Deno's own errors": async ({ client }) => {
    const volume = await Volume.create(client);
    const functions = await Driver.deploy(client);
    const { results } = await functions.run(volume.id, ["readTextFile", "/none"]);
    assert.deepEqual(results, [{
      error: "NotFound",
      isDeno: true,
      message: 'Failed to open "/none": it does not exist',
    }]);
  },

  "reads and writes at any position of open files": async ({ client }) => {
    const volume = await Volume.create(client);
    await volume.put("stored", "0123456789");
    const id = await client.deploy(`
      import { vfs } from "@c1/functions-sdk";
      const text = (bytes) => new TextDecoder().decode(bytes);
      const bytes = (text) => new TextEncoder().encode(text);
      export default async () => {
        const seen = {};
        const buffer = new Uint8Array(4);
        const a = await vfs.open("/stored", { read: true, write: true });
        seen.first = [await a.read(buffer), text(buffer)];
        await a.write(bytes("abc"));
        seen.at = await a.seek(0, Deno.SeekMode.Current);
        seen.near = await a.seek(-2, Deno.SeekMode.End);
        seen.last = [await a.read(buffer), text(buffer.subarray(0, 2)), await a.read(buffer)];
        await a.seek(12, 0);
        await a.write(bytes("Z"));
        seen.size = (await a.stat()).size;
        seen.byPath = (await vfs.readTextFile("/stored")).replaceAll("\\0", "_");
        await vfs.rename("/stored", "/moved");
        await a.truncate(5);
        seen.moved = await vfs.readTextFile("/moved");
        await vfs.remove("/moved");
        await a.seek(0, 0);
        seen.removed = [await a.read(buffer), await vfs.exists("/moved")];
        a.close();
        try { await a.read(buffer); } catch (error) { seen.closed = error.name; }
        {
          await using b = await vfs.create("/created");
          await b.write(bytes("one"));
          await using c = await vfs.open("/created", { append: true });
          await c.write(bytes("two"));
          try { await c.read(buffer); } catch (error) { seen.noRead = error.name; }
          await using d = await vfs.open("/created");
          try { await d.write(bytes("x")); } catch (error) { seen.noWrite = error.name; }
          seen.created = text(new Uint8Array(await new Response(d.readable).arrayBuffer()));
        }
        const source = new Blob(["x".repeat(600000)]).stream();
        await vfs.writeFile("/streamed", source);
        let length = 0;
        for await (const chunk of (await vfs.open("/streamed")).readable) length += chunk.length;
        seen.streamed = length;
        try { await vfs.open("/a", {}); } catch (error) { seen.noMode = error.name; }
        const cut = { read: true, truncate: true };
        try { await vfs.open("/created", cut); } catch (error) { seen.noCut = error.name; }
        return seen;
      };
    `);
    assert.deepEqual(await volume.output(id), {
      first: [4, "0123"],
      at: 7,
      near: 8,
      last: [2, "89", null],
      size: 13,
      byPath: "0123abc789__Z",
      moved: "0123a",
      removed: [4, false],
      closed: "BadResource",
      noRead: "BadResource",
      noWrite: "BadResource",
      created: "onetwo",
      streamed: 600000,
      noMode: "TypeError",
      noCut: "TypeError",
    });
    const { usedBytes } = await volume.get();
    assert.equal(usedBytes, "600006");
  },

  "keeps byte order marks, and names the path of the call": async ({ client }) => {
    const volume = await Volume.create(client);
    const id = await client.deploy(`
      import { vfs } from "@c1/functions-sdk";
      export default async () => {
        await vfs.writeTextFile("/copy", await vfs.readTextFile("/marked"));
        const error = await vfs.writeTextFile("/none/file", "x").catch((error) => error);
        return { name: error.name, message: error.message };
      };
    `);
    await volume.put("marked", "\ufeffa");
    assert.deepEqual(await volume.output(id), {
      name: "NotFound",
      message: 'Failed to create "/none/file" in "/none": it does not exist',
    });
    assert.deepEqual([...await volume.bytes(volume.file("copy"))], [0xef, 0xbb, 0xbf, 0x61]);
  },

  "carries large files whole": async ({ client }) => {
    const volume = await Volume.create(client);
    const id = await client.deploy(`
      import { vfs } from "@c1/functions-sdk";
      export default async () => {
        const content = new Uint8Array(3_000_001);
        for (let at = 0; at < content.length; at += 7) content[at] = at * 31;
        await vfs.writeFile("/large", content);
        const before = await vfs.readFile("/large");
        const copy = await vfs.readFile("/given");
        await vfs.writeFile("/copy", copy);
        return { same: before.every((byte, at) => byte === content[at]) };
      };
    `);
    const given = Uint8Array.from({ length: 1_234_567 }, (_, at) => (at * at) >> 3);
    await volume.put("given", given);
    assert.deepEqual(await volume.output(id), { same: true });
    assert.ok(Buffer.from(await volume.bytes(volume.file("copy"))).equals(given));
    assert.equal((await volume.bytes(volume.file("large"))).length, 3_000_001);
  },

  "lists directories of any length": async ({ client }) => {
    const volume = await Volume.create(client);
    const id = await client.deploy(`
      import { vfs } from "@c1/functions-sdk";
      export default async ({ from, to }) => {
        await vfs.mkdir("/d", { recursive: true });
        for (let n = from; n < to; n++) await vfs.writeTextFile("/d/" + n, "");
        const names = [];
        for await (const { name } of vfs.readDir("/d")) names.push(name);
        return { count: names.length, sorted: names.every((name, at) => at === 0 || names[at - 1] < name) };
      };
    `);
    for (const [from, to] of [[0, 1300], [1200, 2400]]) {
      assert.deepEqual(await volume.output(id, { from, to }), { count: to, sorted: true });
    }
    assert.equal((await volume.get()).fileCount, 2400);
  },
});
