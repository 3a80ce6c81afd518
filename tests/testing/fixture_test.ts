/** What tests have besides the code: the volume, values and hosts that they declare, and nothing of the function. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Host } from "../egress/support.ts";
import type { Client, Files } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { TestServer } from "../support/server.ts";
import { serverSuite, type Stage } from "../support/suite.ts";
import { outline, resultsOf, runTests, withTests } from "./support.ts";

const IMPORTS = `import { registerTests, test } from "@c1/test";
import { functions, vfs } from "@c1/functions-sdk";
const { secrets, variables } = functions.getConfig();
const list = async (path = "/") =>
  (await Array.fromAsync(vfs.readDir(path))).map(({ name }) => name).sort();
`;

/** A test of what this run has: its secrets, and its files with their texts. */
const SHOWS = `test("shows", async ({ fail }) => {
  const files = await list().then((names) =>
    Promise.all(names.map(async (name) => [name, await vfs.readTextFile(name)])), () => null);
  fail(JSON.stringify({ secrets, variables, files }));
});`;

/** What {@link SHOWS} shows of a commit. */
async function shown(client: Client, declared: string, files: Files = {}, body = {}) {
  const id = await withTests(client, `${IMPORTS}${declared}\n${SHOWS}`, files);
  const { results: [{ assertions, error }] } = ok(await runTests(client, id, body));
  assert.equal(error, undefined);
  return JSON.parse(assertions[0].description);
}

const manifest = (tests: unknown): Files => ({ "invoked.json": JSON.stringify({ tests }) });
const LOOPBACK = ["--egress-allow-private", "127.0.0.0/8"];

serverSuite("tests: fixtures", { flags: LOOPBACK }, {
  "each test has the files of the declared volume, without the changes of another": async (
    { client },
  ) => {
    const results = await resultsOf(
      client,
      `${IMPORTS}
      registerTests({ volume: { files: { "in/a.txt": "one", "/b.txt": "" } } });
      for (const name of ["first", "second"]) {
        test(name, async ({ deepEqual, equal }) => {
          deepEqual([await list(), await list("in")], [["b.txt", "in"], ["a.txt"]]);
          equal(await vfs.readTextFile("in/a.txt"), "one");
          await vfs.writeTextFile("in/a.txt", "two");
          await vfs.remove("b.txt");
          await vfs.writeFile("large", new Uint8Array(1e6));
          equal(await vfs.readTextFile("in/a.txt"), "two");
        });
      }
      test("killed", async () => { await vfs.writeTextFile("in/a.txt", "x"); Deno.exit(1); });
      test("after", async ({ equal }) => { equal(await vfs.readTextFile("in/a.txt"), "one"); });`,
    );
    const states = outline(results).map((line) => line.split(":")[0]);
    assert.deepEqual(states, ["first | OK", "second | OK", "killed | FAIL | EXITED", "after | OK"]);
    assert.deepEqual(ok(await client.get("/api/v1/vfs/volumes")).list, []);
  },

  "a volume has the files of a folder of the commit, or none": async ({ client }) => {
    const data = { "data/a.csv": "1,2\n", "data/deep/b.csv": "3", "database.txt": "no" };
    const results = await resultsOf(
      client,
      `${IMPORTS}
      registerTests({ volume: { folder: "./data/" } });
      test("has them", async ({ deepEqual }) => {
        deepEqual([await list(), await list("deep")], [["a.csv", "deep"], ["b.csv"]]);
      });`,
      data,
    );
    assert.deepEqual(outline(results), ["has them | OK"]);
    assert.deepEqual((await shown(client, "registerTests({ volume: {} });")).files, []);
  },

  "vfs works in tests that declare a volume, and while one runs": async ({ client }) => {
    const failed = `({ rejects }) => rejects(vfs.exists("a"), { name: "VfsNotAttachedError" })`;
    const results = await resultsOf(client, `${IMPORTS}test("without", ${failed});`);
    assert.deepEqual(outline(results), ["without | OK"]);
    const [early] = await resultsOf(
      client,
      `${IMPORTS}registerTests({ volume: {} });
      export default async () => { test("x", () => {}); await vfs.mkdir("a"); };`,
    );
    assert.match(
      early.error,
      /^UNCAUGHT: VfsNotAttachedError: vfs is not available: no test is running/,
    );
  },

  "nothing of the function reaches its tests": async ({ client }) => {
    await using host = new Host();
    const id = await withTests(
      client,
      `${IMPORTS}
      test("none", async ({ deepEqual, rejects }) => {
        deepEqual([secrets, variables], [{}, {}]);
        await rejects(fetch("http://127.0.0.1:${host.port}/"), { cause: { code: "EGRESS_DENIED" } });
        await rejects(vfs.exists("a"));
      });`,
    );
    ok(
      await client.update(id, {
        secret: { TOKEN: "of production" },
        variables: { MODE: "production" },
        outboundNetworkAllowlist: [`127.0.0.1:${host.port}`],
      }, "secret,variables,outboundNetworkAllowlist"),
    );
    const { results } = ok(await runTests(client, id));
    assert.deepEqual(outline(results), ["none | OK"]);
    assert.match(results[0].logs[0].log, /refused: GET, not in the allowedHosts of these tests$/);
    assert.deepEqual(host.seen, []);
  },

  "declared hosts are reached, and no other": async ({ client }) => {
    await using host = new Host();
    await using other = new Host();
    const results = await resultsOf(
      client,
      `${IMPORTS}
      registerTests({ allowedHosts: ["127.0.0.1:${host.port}"] });
      test("reaches one", async ({ equal, rejects }) => {
        equal((await fetch("http://127.0.0.1:${host.port}/")).status, 200);
        await rejects(fetch("http://127.0.0.1:${other.port}/"), TypeError);
      });`,
    );
    assert.deepEqual(outline(results), ["reaches one | OK"]);
    assert.deepEqual([host.seen, other.seen], [["GET /"], []]);
  },

  "secrets are there while modules load, and what is declared is logged once": async (
    { client },
  ) => {
    const [result] = await resultsOf(
      client,
      `${IMPORTS}
      registerTests({ secrets: { TOKEN: "t" } });
      console.log("loaded", secrets.TOKEN);
      test("has it", ({ equal }) => { equal(secrets.TOKEN, "t"); });`,
    );
    assert.equal(result.status, "FUNCTION_TEST_RESULT_STATUS_OK");
    assert.deepEqual(result.logs.map(({ log }: { log: string }) => log), ["loaded t"]);
  },

  "invoked.json declares as well; registerTests and the run win": async ({ client }) => {
    const [secrets, files] = [{ A: "file", B: "file" }, [["a", "1"]]];
    const declared = { volume: { files: { a: "1" } }, secrets, variables: { V: "file" } };
    const file = manifest(declared);
    assert.deepEqual(await shown(client, "", file), { secrets, variables: { V: "file" }, files });
    const code = `registerTests({ secrets: { A: "code" }, variables: {} });`;
    assert.deepEqual(await shown(client, code, file), {
      secrets: { A: "code" },
      variables: {},
      files,
    });
    const body = { secrets: { A: "run", C: "run" } };
    assert.deepEqual((await shown(client, "", file, body)).secrets, {
      A: "run",
      B: "file",
      C: "run",
    });
  },

  "what cannot be declared is named": async ({ client }) => {
    const files = { "seeds/big/a.txt": "x" };
    const errorOf = async (declared: string) => {
      const [{ error }] = await resultsOf(client, `${IMPORTS}${declared}\n${SHOWS}`, files);
      const [message = "", first] = error.split("\n");
      // The call of registerTests, and nothing of the SDK.
      assert.match(first, /^ +at .*\(main\.test\.ts:6:\d+\)$/);
      return message;
    };
    const errors = {
      "{ volume: { folder: 'none' } }": 'volume.folder: no file of the commit is in "none"',
      "{ volume: { folder: 'seeds/bigg' } }":
        'volume.folder: no file of the commit is in "seeds/bigg"; did you mean "seeds/big"?',
      "{ tenant: 'recording' }":
        'tenant: no file of the commit is in "recording"; invoked test --record FOLDER makes one',
      "{ tennant: 'recording' } as never":
        'it has no "tennant", but volume, secrets, variables, allowedHosts, tenant; did you mean tenant?',
      "{ volume: { folder: '../up' } }": 'volume.folder: "../up" leads outside of the volume',
      "{ volume: { files: { a: '', 'a/b': '' } } }": 'volume.files: "/a/b" is below another file',
      "{ volume: { files: { a: '', './a': '' } } }": 'volume.files: "/a" is given twice',
      "{ volume: { files: Object.fromEntries(Array.from({ length: 10_001 }, (_, n) => [`a${n}`, ''])) } }":
        "volume.files: must have at most 10,000 files; it has 10,001 files",
      "{ secrets: { 'A B': 'x' } }":
        "secrets.A B: is not a secret's name: 1 to 128 letters, digits, underscores, dots and hyphens, beginning with a letter or underscore",
      "{ allowedHosts: ['https://a.example'] }":
        'allowedHosts.0: "https://a.example" must be a host without a scheme',
    };
    for (const [declared, error] of Object.entries(errors)) {
      assert.equal(
        await errorOf(`registerTests(${declared});`),
        `UNCAUGHT: TypeError: registerTests failed: ${error}`,
      );
    }
    assert.match(
      await errorOf("registerTests({ secrets: { A: String(Math.random()) } });"),
      /^UNCAUGHT: TypeError: registerTests failed: it declares another fixture each time/,
    );
    assert.match(
      await errorOf("registerTests({}); registerTests({});"),
      /^UNCAUGHT: TypeError: registerTests failed: it was called before/,
    );
    const id = await withTests(client, `${IMPORTS}${SHOWS}`, manifest({ volume: { folder: 1 } }));
    assertError(await runTests(client, id), "BUILD_FAILED", {
      message: /^Build of the tests of commit \w+ failed: invoked\.json: tests\.volume\.folder: /,
      fields: ["invoked.json"],
    });
  },
}, {
  "a crash of the server leaves nothing of their volumes": crash,
});

async function crash({ server, client }: Stage<TestServer>): Promise<void> {
  const id = await withTests(
    client,
    `${IMPORTS}
    registerTests({ volume: {} });
    test("waits", async () => {
      await vfs.writeFile("large", new Uint8Array(1e6));
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });`,
  );
  const running = runTests(client, id).catch(() => undefined);
  const staging = join(server.dataDir, "volume-blobs", "staging");
  const staged = () => Array.fromAsync(Deno.readDir(staging));
  await eventually(async () => (await staged()).length || undefined, "a file of the volume");
  await server.stop("SIGKILL");
  await running;
  await using next = await TestServer.start({ dataDir: server.dataDir });
  assert.deepEqual(await staged(), []);
  assert.deepEqual(ok(await (await next.client()).get("/api/v1/vfs/volumes")).list, []);
}
