/** Copies an installation with the real command, and starts servers on the copy. */
import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { Layout } from "../../src/cluster/objects/layout.ts";
import { Client, unbase64 } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir, type Run, runInvoked } from "../support/invoked.ts";
import { TestNats } from "../support/nats.ts";
import { TestPostgres } from "../support/postgres.ts";
import { type ServerOptions, TestServer } from "../support/server.ts";
import { noise, Volume } from "../volumes/support.ts";

const MAIN = `
import { functions, vfs } from "@c1/functions-sdk";
export default async function main({ name }) {
  const { secrets } = await functions.getConfig();
  const note = new TextDecoder().decode(await vfs.readFile("/note.txt"));
  await vfs.writeFile("/last.txt", new TextEncoder().encode(name));
  return { name, secret: secrets.TOKEN, note };
}
`;
const TESTS = 'import { test } from "@c1/test";\ntest("kept", ({ ok }) => { ok(1); });\n';
const LARGE = noise(700_000);
const COMMITS = new Layout("invoked_commits");

/** What the installation has, as a client sees it. */
interface Installation {
  readonly functionId: string;
  readonly volumeId: string;
  readonly invocationIds: readonly string[];
  readonly credentials: Awaited<ReturnType<TestServer["credentials"]>>;
}

async function fill(dataDir: string): Promise<Installation> {
  await using server = await TestServer.start({ dataDir });
  const client = await server.client();
  const volume = await Volume.create(client);
  await volume.put("note.txt", "a note");
  await volume.put("large.bin", LARGE);
  await volume.put("large.bin", LARGE.slice(1));
  await volume.put("copy.bin", LARGE);
  const functionId = await client.deploy(MAIN, { "main.test.ts": TESTS });
  ok(
    await client.post("/api/v1/functions/update", {
      function: { id: functionId, vfsId: volume.id, secret: { TOKEN: "s3cret" } },
      updateMask: "vfsId,secret",
    }),
  );
  const invocationIds: string[] = [];
  for (const name of ["one", "nul \0 byte"]) {
    const { json, invocationId } = ok(await client.invoke(functionId, { name }));
    assert.ok(
      json !== undefined,
      JSON.stringify(await client.invocation(functionId, invocationId)),
    );
    invocationIds.push(invocationId);
  }
  // An upload that no commit has.
  ok(await client.post(`/api/v1/functions/${functionId}/commits`, { filenames: ["main.ts"] }));
  const credentials = await server.credentials();
  await server.stop();
  return { functionId, volumeId: volume.id, invocationIds, credentials };
}

/** Checks that a server on the copy has everything, and runs. */
async function check(installation: Installation, options: ServerOptions): Promise<void> {
  const { functionId, volumeId, invocationIds, credentials } = installation;
  await using server = await TestServer.start({ fresh: true, ...options });
  const client = await Client.login(server.url, credentials.clientId, credentials.clientSecret);
  for (const id of invocationIds) {
    const { status } = await client.invocation(functionId, id);
    assert.match(status, /_SUCCESS$/);
  }
  const volume = new Volume(client, volumeId);
  assert.deepEqual(await volume.bytes(volume.file("copy.bin")), LARGE);
  assert.deepEqual(await volume.bytes(volume.file("large.bin")), LARGE.slice(1));
  const { json, invocationId } = ok(await client.invoke(functionId, { name: "copied" }));
  assert.ok(json !== undefined, JSON.stringify(await client.invocation(functionId, invocationId)));
  const output = JSON.parse(unbase64(json));
  assert.deepEqual(output, { name: "copied", secret: "s3cret", note: "a note" });
  assert.equal((await volume.read("last.txt")).body, "copied");
  const { results: [tested] } = ok(await client.post(`/api/v1/functions/${functionId}/test`));
  assert.equal(tested.status, "FUNCTION_TEST_RESULT_STATUS_OK");
  // Another commit of a file that is there already.
  assert.equal((await client.commit(functionId, { "main.ts": MAIN })).status, 200);
  assert.equal((await server.stop()).success, true);
}

function copy(...args: readonly string[]): Promise<Run> {
  return runInvoked(["db", "copy", ...args]);
}

/** Checks that neither a copy nor a restore goes into an account of NATS that a server has used, until it is freed. */
async function checkUsedAccount(
  original: readonly string[],
  { postgres, nats, directory }: {
    readonly postgres: TestPostgres;
    readonly nats: TestNats;
    readonly directory: string;
  },
): Promise<void> {
  const key = ["--master-key-file", `${directory}/data/master.key`];
  const archive = `${directory}/backup.tar`;
  const source = ["--data", `${directory}/data`];
  const taken = await runInvoked(["backup", archive, ...source, ...original, ...key]);
  assert.equal(taken.code, 0, taken.stderr);
  const into = async () => ["--database", await postgres.database(), ...nats.address.flags, ...key];
  const restored = `${directory}/restored`;
  const restore = async () =>
    await runInvoked(["restore", archive, "--data", restored, ...await into()]);
  const isRejected = async (run: () => Promise<Run>, use: string) => {
    const { code, stderr } = await run();
    assert.equal(code, 1);
    assert.match(stderr, /: the account of NATS at \S+ is that of another installation: /);
    assert.ok(stderr.includes(`${use}; use another account, or delete the streams`), stderr);
  };
  for (const run of [restore, async () => copy(...source, ...await into())]) {
    await isRejected(run, "its API nodes have marked the stream OBJ_invoked_commits");
  }
  const connection = await connect(nats.address.client);
  const { streams } = await jetstreamManager(connection);
  // As nodes of 0.1.0 leave streams.
  for (const name of ["OBJ_invoked_commits", "OBJ_invoked_volumes"]) {
    await streams.update(name, { metadata: {} });
  }
  await streams.purge(COMMITS.stream, { filter: COMMITS.recordSubject("copy") });
  for (const name of ["OBJ_invoked_commits", "OBJ_invoked_volumes"]) {
    await isRejected(restore, `the stream ${name} has content that no copy has stored`);
    await streams.delete(name);
  }
  await connection.close();
  const names = await Array.fromAsync(Deno.readDir(restored), ({ name }) => name);
  assert.deepEqual(names, ["lock"]);
  const freed = await restore();
  assert.equal(freed.code, 0, freed.stderr);
}

Deno.test("a copy of an installation has all of it, and servers on it answer and invoke", async (t) => {
  await using postgres = await TestPostgres.start();
  await using nats = await TestNats.start();
  await using directory = await makeTempDir();
  const dataDir = `${directory.path}/data`;
  const installation = await fill(dataDir);
  const source = ["--data", dataDir];
  const key = `${dataDir}/master.key`;

  await t.step("what is missing or wrong is named, and nothing is copied", async () => {
    const url = await postgres.database();
    const target = [...source, "--database", url];
    const cases = [
      [[...source, ...nats.address.flags], /--database is not set/],
      [target, /neither --nats nor --to-data is set/],
      [
        [...target, ...nats.address.flags, "--to-data", `${dataDir}-2`],
        /both --nats and --to-data/,
      ],
      [[...target, "--to-data", dataDir], /is the data directory itself/],
      [
        ["--data", `${dataDir}-none`, "--database", url, ...nats.address.flags],
        /invoked\.db does not exist/,
      ],
      [
        [...target, ...nats.address.flags, "--master-key-file", `${dataDir}/none`],
        /does not exist/,
      ],
    ] as const;
    for (const [args, message] of cases) {
      const { code, stderr } = await copy(...args);
      assert.equal(code, 1, stderr);
      assert.match(stderr, message);
    }
    await using server = await TestServer.start({ dataDir });
    const { code, stderr } = await copy(...target, ...nats.address.flags);
    assert.equal(code, 1);
    assert.match(stderr, /is in use by another server/);
    await server.stop();
  });

  await t.step(
    "a damaged blob leaves the database empty, and the copy goes on once it is whole",
    async () => {
      const url = await postgres.database();
      const target = [...source, "--database", url, ...nats.address.flags];
      const blobs = `${dataDir}/volume-blobs`;
      const [shard] = (await Array.fromAsync(Deno.readDir(blobs))).map(({ name }) => name)
        .filter((name) => /^[0-9a-f]{2}$/.test(name));
      const [blob] = await Array.fromAsync(Deno.readDir(`${blobs}/${shard}`));
      const path = `${blobs}/${shard}/${blob?.name}`;
      const content = await Deno.readFile(path);
      await Deno.writeFile(path, noise(content.length, 3));
      const damaged = await copy(...target);
      assert.equal(damaged.code, 1);
      assert.match(
        damaged.stderr,
        new RegExp(`blob volume-blobs/${shard}/${blob?.name} was changed`),
      );
      const name = new URL(url).pathname.slice(1);
      const [{ rows }] = await postgres.query<{ rows: string }>(
        "select count(*) as rows from functions",
        name,
      ) as [{ rows: string }];
      assert.equal(rows, "0");
      await Deno.writeFile(path, content);

      // The repetition may run in another container, with other paths and another URL.
      const moved = `${dataDir}-moved`;
      await Deno.rename(dataDir, moved);
      const alias = url.replace("127.0.0.1", "localhost");
      assert.notEqual(alias, url);
      const repeated = ["--data", moved, "--database", alias, ...nats.address.flags];
      const elsewhere = ["--database", await postgres.database(), ...nats.address.flags];
      const foreign = await copy("--data", moved, ...elsewhere);
      assert.equal(foreign.code, 1);
      assert.match(foreign.stderr, /has the content of another restore or copy, into another/);
      const whole = await copy(...repeated, "--json");
      assert.equal(whole.code, 0, whole.stderr);
      await Deno.rename(moved, dataDir);
      const { tables, blobs: copied, carryOver } = JSON.parse(whole.stdout);
      assert.equal(copied.volumes.blobs, 2);
      assert.ok(copied.commits.blobs >= 5);
      assert.ok(tables.find((table: { name: string }) => table.name === "invocations").rows >= 2);
      assert.match(carryOver.join("\n"), /copy .*master\.key to every API node/);

      const again = await copy(...target);
      assert.equal(again.code, 1);
      assert.match(again.stderr, /has rows; a copy needs a database that no server has used/);
      const flags = ["--database", url, ...nats.address.flags, "--capacity", "2"];
      await check(installation, { flags: [...flags, "--master-key-file", key] });
      const original = ["--database", url, ...nats.address.flags];
      await checkUsedAccount(original, { postgres, nats, directory: directory.path });

      const other = `${directory.path}/other.key`;
      await Deno.writeTextFile(other, `${btoa("k".repeat(32))}\n`);
      await assert.rejects(
        TestServer.start({ fresh: true, flags: [...flags, "--master-key-file", other] }),
        /was sealed under master key [0-9a-f]{16}, and the one in use is/,
      );
    },
  );

  await t.step("with --to-data one server has the copy", async () => {
    const url = await postgres.database();
    const to = `${directory.path}/to`;
    const copied = await copy(...source, "--database", url, "--to-data", to);
    assert.equal(copied.code, 0, copied.stderr);
    assert.match(copied.stdout, /^Copied \d+ rows of \d+ tables, \d+ commit blobs and 2 volume/);
    assert.match(copied.stdout, /- copy .*master\.key to .*to\/master\.key, with mode 0600/);
    await Deno.copyFile(key, `${to}/master.key`);
    await check(installation, { dataDir: to, flags: ["--database", url] });
  });
});
