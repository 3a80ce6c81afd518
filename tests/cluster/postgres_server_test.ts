/** A server on PostgreSQL through its front door: what it keeps over stops, crashes and a database that is away. */
import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestPostgres } from "../support/postgres.ts";
import { Relay } from "../support/relay.ts";
import { TestServer } from "../support/server.ts";

const ECHO = `export default async (input, { attempt }) => {
  console.log("line", input.text);
  return { ...input, attempt };
};`;
const SLOW =
  `export default async () => { await new Promise((resolve) => setTimeout(resolve, 60000)); return {}; };`;
const SECRET = `import { functions } from "@c1/functions-sdk";
export default async () => ({ ...(await functions.getConfig()).secrets });`;
const VOLUMES = "/api/v1/vfs/volumes";

Deno.test("a server on PostgreSQL", async (t) => {
  await using postgres = await TestPostgres.start();
  await using directory = await makeTempDir();
  const dataDir = `${directory.path}/data`;
  const flags = ["--database", await postgres.database()];
  const start = () => TestServer.start({ dataDir, flags });
  let echo = "";
  let slow = "";
  let volume = "";
  const running: string[] = [];

  await t.step(
    "functions, commits, tags, secrets, volumes, invocations, searches and purges",
    async () => {
      await using server = await start();
      const client = await server.client();
      echo = await client.deploy(ECHO);
      slow = await client.deploy(SLOW);
      ok(await client.commit(echo, { "main.ts": ECHO, "extra.ts": "export {};" }, "second"));
      assert.equal(ok(await client.get(`/api/v1/functions/${echo}/commits`)).list.length, 2);
      await invokeAndFind(client, echo);
      await secrets(client);
      volume = await volumes(client);
      await purge(client, await client.deploy(ECHO));
      running.push(await invokeLater(client, slow));
      await eventually(async () => {
        const { status } = await client.invocation(slow, running[0] ?? "");
        return status.endsWith("RUNNING") || undefined;
      }, "the start of the invocation");
      await server.stop("SIGKILL");
    },
  );

  await t.step("after kill -9 the next server recovers, and has everything", async () => {
    await using server = await start();
    const client = await server.client();
    const interrupted = await client.ended(slow, running[0] ?? "");
    assert.match(interrupted.error, /^INTERRUPTED:/);
    const { list } = ok(
      await client.post(`/api/v1/functions/${echo}/invocations/search`, { query: "NEEDLE" }),
    );
    assert.equal(list.length, 1);
    const { body } = await client.get(`${VOLUMES}/${volume}/files/a/b.txt`);
    assert.equal(body, "content");
    assert.equal((await client.invoke(echo, { text: "again" })).status, 200);

    await postgres.stop("SIGQUIT");
    const rejected = await eventually(async () => {
      const answer = await client.invoke(echo, { text: "away" });
      return answer.status === 503 ? answer : undefined;
    }, "a rejected invocation");
    assert.equal(rejected.body.details[0].reason, "STORAGE_UNAVAILABLE");
    assert.equal((await client.get("/readyz")).status, 503);
    await postgres.restart();
    await eventually(
      async () => (await client.get("/readyz")).status === 200 || undefined,
      "readiness",
    );
    assert.equal((await client.invoke(echo, { text: "back" })).status, 200);
    assert.equal((await server.stop()).code, 0);
    assert.ok(!(await server.log).includes("pass-word"));
  });
});

Deno.test("a server starts although it loses its connection to the database meanwhile", async () => {
  // The relay reads statements.
  await using postgres = await TestPostgres.start({ tls: false });
  await using relay = await Relay.to(postgres.port);
  const url = (await postgres.database()).replace(`:${postgres.port}/`, `:${relay.port}/`);
  relay.cutBefore('insert into "nodes"');
  await using server = await TestServer.start({ flags: ["--database", url] });
  ok(await (await server.client()).get("/api/v1/functions"));
  await server.stop();
  assert.match(
    await server.log,
    /the server starts again: the (?:connection to the )?database/,
  );
});

async function invokeAndFind(client: Client, id: string): Promise<void> {
  const key = { "idempotency-key": "one" };
  const first = await client.invoke(id, { text: "needle", big: "ü".repeat(50_000) }, key);
  const second = await client.invoke(id, { text: "needle", big: "ü".repeat(50_000) }, key);
  assert.equal(first.status, 200);
  assert.deepEqual(first.body.invocationId, second.body.invocationId);
  const other = await client.invoke(id, { text: "other" }, key);
  assert.equal(other.status, 400);
  const logs = ok(
    await client.get(`/api/v1/functions/${id}/invocations/${first.body.invocationId}/logs`),
  );
  assert.deepEqual(logs.list.map((line: { message: string }) => line.message), ["line needle"]);
}

async function secrets(client: Client): Promise<void> {
  const id = await client.deploy(SECRET);
  ok(
    await client.post("/api/v1/functions/update", {
      function: { id, secret: { A: "x" } },
      updateMask: "secret",
    }),
  );
  const { body } = await client.invoke(id);
  assert.deepEqual(JSON.parse(atob(body.json)), { A: "x" });
}

async function volumes(client: Client): Promise<string> {
  const { volume: { id } } = ok(await client.post(VOLUMES, { displayName: "v" }));
  for (const content of ["first", "content"]) {
    await client.call("PUT", `${VOLUMES}/${id}/files/a/b.txt`, content, {
      "content-type": "text/plain",
    });
  }
  assert.equal(ok(await client.get(`${VOLUMES}/${id}/versions`)).list.length, 3);
  return id;
}

async function purge(client: Client, id: string): Promise<void> {
  const { body } = await client.invoke(id, { text: "purged" });
  const before = new Date(Date.now() + 1000).toISOString();
  const size = ok(await client.post(`/api/v1/functions/${id}/purge`, { before, dryRun: true }));
  assert.equal(size.invocations, 1);
  assert.deepEqual(ok(await client.post(`/api/v1/functions/${id}/purge`, { before })), size);
  const path = `/api/v1/functions/${id}/invocations/${body.invocationId}`;
  assert.equal((await client.get(path)).status, 410);
}

async function invokeLater(client: Client, id: string): Promise<string> {
  const { status, body } = await client.invoke(id, {}, { prefer: "respond-async" });
  assert.equal(status, 200);
  return body.invocationId;
}
