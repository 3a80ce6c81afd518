/** Clusters with the users of `deploy/nats`, as the command line starts it, and what its starts reject. */
import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { createUser } from "@nats-io/nkeys";
import { makeAccounts, makeNkeyUser, signUser } from "../../src/cluster/credentials/users.ts";
import type { Role } from "../../src/cluster/credentials/permissions.ts";
import { type Json, unbase64 } from "../support/client.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestPostgres } from "../support/postgres.ts";
import { Relay } from "../support/relay.ts";
import { MASTER_KEY, TestCluster } from "./cluster.ts";

/** Signs a user; answers its file. */
async function credsOf(directory: string, role: Role, name: string): Promise<string> {
  const file = join(directory, `${name}.creds`);
  await Deno.writeFile(file, await signUser(directory, role, name));
  return file;
}

/** A node and a worker with these credentials get what they need. */
async function invocationsRun(cluster: TestCluster, api: string, own: string): Promise<void> {
  const node = await cluster.node({ flags: ["--nats-credentials", api] });
  const worker = await cluster.worker({ flags: ["--nats-credentials", own] });
  const client = await node.client();
  const id = await client.deploy(`export default ({ n }) => ({ n });`);
  const { body } = await client.invoke(id, { n: 1 });
  assert.deepEqual(JSON.parse(unbase64((body as Json).json)), { n: 1 });
  const later = await client.invoke(id, { n: 2 }, { prefer: "respond-async" });
  const { output } = await client.ended(id, later.body.invocationId);
  assert.deepEqual(output, { n: 2 });
  const logs = [(await worker.stop()).log, (await node.stop(), await node.log)];
  for (const log of logs) assert.doesNotMatch(log, /does not permit/);
}

Deno.test("a cluster whose NATS knows its users", async () => {
  await using users = await makeTempDir();
  const api = await makeNkeyUser(users.path, "api", "1");
  const own = await makeNkeyUser(users.path, "worker", "1");
  const config = await Deno.readTextFile(join(users.path, "users.conf"));
  await using cluster = await TestCluster.start({ config });
  await invocationsRun(cluster, api, own);

  const foreign = join(users.path, "foreign.nk");
  await Deno.writeFile(foreign, createUser().getSeed());
  const { code, stderr } = await runInvoked([
    ...["worker", ...cluster.nats.address.flags, "--nats-credentials", foreign],
    ...["--data", join(users.path, "data")],
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /rejects the credentials; check --nats-credentials/);
});

Deno.test("a cluster over TLS with the users of an account", async (t) => {
  await using directory = await makeTempDir();
  await using elsewhere = await makeTempDir();
  await makeAccounts(directory.path);
  await makeAccounts(elsewhere.path);
  const config = await Deno.readTextFile(join(directory.path, "accounts.conf"));
  await using cluster = await TestCluster.start({ config });
  const { url, flags: nats } = cluster.nats.address;
  const [api, own] = [
    await credsOf(directory.path, "api", "api-1"),
    await credsOf(directory.path, "worker", "worker-1"),
  ];
  const data = ["--data", join(directory.path, "data")];
  const startWorker = async (...flags: readonly string[]) =>
    await runInvoked(["worker", ...data, ...flags]);

  await t.step("invocations run", () => invocationsRun(cluster, api, own));

  await t.step("a worker that does not trust the certificate does not start", async () => {
    for (const address of [url, url.replace(/^tls:/, "nats:")]) {
      const { code, stderr } = await startWorker("--nats", address, "--nats-credentials", own);
      assert.equal(code, 1);
      assert.match(stderr, /NATS at .* is not usable: TLS failed: .*; check --nats-ca/);
    }
  });

  await t.step("a worker with foreign credentials, or none, does not start", async () => {
    const foreign = await credsOf(elsewhere.path, "worker", "worker-1");
    for (const flags of [["--nats-credentials", foreign], []]) {
      const { code, stderr } = await startWorker(...nats, ...flags);
      assert.equal(code, 1);
      assert.match(stderr, /it rejects the credentials; check --nats-credentials/);
    }
  });

  await t.step("an API node with the user of a worker does not start", async () => {
    const { code, stderr } = await runInvoked([
      ...["serve", "--port", "0", ...data, "--database", cluster.database],
      ...[...nats, "--nats-credentials", own],
    ], { env: MASTER_KEY });
    assert.equal(code, 1, stderr);
    assert.match(
      stderr,
      /NATS does not permit \w+ invoked\.v1\.\S+; give this API node a user with the permissions of deploy\/nats\/api\.conf/,
    );
  });

  await t.step("a worker with the user of an API node does not start", async () => {
    const { code, stderr } = await startWorker(...nats, "--nats-credentials", api);
    assert.equal(code, 1, stderr);
    assert.match(
      stderr,
      /NATS does not permit .*; give this worker a user with the permissions of deploy\/nats\/worker\.conf/,
    );
  });
});

Deno.test("a start on a NATS or a PostgreSQL that is too old is rejected", async (t) => {
  await t.step("NATS", async () => {
    await using directory = await makeTempDir();
    const info = `INFO {"server_id":"x","version":"2.9.25","headers":true,"jetstream":true,` +
      `"max_payload":1048576,"auth_required":true}\r\n`;
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.write(info);
      socket.on("data", (data) => data.includes("PING") && socket.write("PONG\r\n"));
    });
    const listening = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", listening.resolve);
    await listening.promise;
    using _ = { [Symbol.dispose]: () => void server.close() };
    const { port } = server.address() as AddressInfo;
    const url = `nats://127.0.0.1:${port}`;
    const { code, stderr } = await runInvoked(
      ["worker", "--nats", url, "--data", directory.path],
    );
    assert.equal(code, 1);
    assert.match(
      stderr,
      /NATS at nats:\S+ is too old: its version is 2\.9\.25, and the oldest supported is 2\.10/,
    );
  });

  await t.step("PostgreSQL", async () => {
    await using directory = await makeTempDir();
    // The relay changes an answer.
    await using postgres = await TestPostgres.start({ tls: false });
    const [{ version = "" } = {}] = await postgres.query<{ version: string }>(
      "select current_setting('server_version_num') as version",
    );
    await using relay = await Relay.to(postgres.port);
    relay.replaceInAnswers(version, "140012");
    const url = (await postgres.database()).replace(`:${postgres.port}/`, `:${relay.port}/`);
    const { code, stderr } = await runInvoked([
      ...["serve", "--port", "0", "--data", directory.path],
      ...["--database", url],
    ], { env: MASTER_KEY });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /database test_1 on 127\.0\.0\.1:\d+ is not supported: its PostgreSQL is .*, and the oldest supported is 15/,
    );
  });
});
