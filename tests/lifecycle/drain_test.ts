import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import { makeTempDir } from "../support/invoked.ts";
import { allGone, descendantsOf } from "../support/processes.ts";
import { TestServer } from "../support/server.ts";
import { eventually } from "../support/eventually.ts";
import { assertError } from "../support/expect.ts";
import { ECHO, HANG } from "../invocations/functions.ts";
import { allow } from "../egress/support.ts";
import { Barrier, BARRIER_FLAGS } from "../volumes/barrier.ts";

const PREFIX = "FUNCTION_INVOCATION_STATUS_";
/** Longer than the time in which a second signal counts as an echo of the first. */
const NO_ECHO_MS = 100;

/** Waits until the newest invocation of the function has printed something; answers its id. */
async function started(client: Client, functionId: string): Promise<string> {
  return await eventually(async () => {
    const { body } = await client.get(`/api/v1/functions/${functionId}/invocations`);
    const id = body.list[0]?.id as string | undefined;
    if (id === undefined) return undefined;
    const logs = await client.get(`/api/v1/functions/${functionId}/invocations/${id}/logs`);
    return logs.body.list.length > 0 ? id : undefined;
  });
}

/** A function that runs until the test opens the barrier at `url`. */
async function deployWaiter(client: Client, barrier: Barrier): Promise<string> {
  const id = await client.deploy(`export default async ({ url }) => {
    console.log("up");
    return { said: await (await fetch(url)).text() };
  };`);
  await allow(client, id, [barrier.host]);
  return id;
}

async function draining(client: Client): Promise<void> {
  await eventually(async () => (await client.get("/readyz")).status === 503 ? true : undefined);
}

function testInDataDir(name: string, body: (dataDir: string) => Promise<void>): void {
  Deno.test(name, async () => {
    await using directory = await makeTempDir();
    await body(directory.path);
  });
}

testInDataDir("SIGTERM lets what runs finish and takes nothing new", async (dataDir) => {
  await using server = await TestServer.start({ dataDir, flags: BARRIER_FLAGS });
  const client = await server.client();
  const barrier = new Barrier();
  const url = barrier.next();
  const id = await deployWaiter(client, barrier);
  const running = client.invoke(id, { url });
  await started(client, id);
  const sandboxes = descendantsOf(server.pid);
  server.signal("SIGTERM");
  await draining(client);
  assert.equal((await client.get("/healthz")).status, 200);
  for (const prefer of ["", "respond-async"]) {
    const refused = await client.invoke(id, {}, { prefer });
    assertError(refused, "UNAVAILABLE", "SERVER_STOPPING");
    assert.equal(refused.body.code, 14);
    assert.match(refused.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  }
  barrier.open(url);
  const { status, headers, body } = await running;
  assert.equal(status, 200);
  assert.ok(body.json);
  assert.equal(headers.get("invocation-status"), `${PREFIX}SUCCESS`);
  assert.equal((await server.status).code, 0);
  await allGone(sandboxes);
});

testInDataDir("what runs longer than the drain limit is interrupted", async (dataDir) => {
  let hanging: string, background: string;
  {
    await using server = await TestServer.start({ dataDir, flags: ["--drain-timeout", "500ms"] });
    const client = await server.client();
    hanging = await client.deploy(HANG);
    const { body } = await client.invoke(hanging, {}, { prefer: "respond-async" });
    background = body.invocationId;
    const other = await client.deploy(HANG);
    const waitedFor = client.invoke(other);
    await started(client, other);
    await started(client, hanging);
    const sandboxes = descendantsOf(server.pid);
    const { code } = await server.stop("SIGINT");
    assert.equal(code, 0);
    const answer = await waitedFor;
    assert.equal(answer.headers.get("invocation-status"), `${PREFIX}ERROR`);
    await allGone(sandboxes);
  }
  await using server = await TestServer.start({ dataDir });
  const record = await (await server.client()).invocation(hanging, background);
  assert.equal(record.status, `${PREFIX}ERROR`);
  assert.match(record.error, /^INTERRUPTED: /);
});

testInDataDir("a second signal kills at once", async (dataDir) => {
  let id: string, invocationId: string;
  {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    id = await client.deploy(HANG);
    const broken = client.invoke(id).then(() => "answered", () => "broken");
    invocationId = await started(client, id);
    const sandboxes = descendantsOf(server.pid);
    server.signal("SIGTERM");
    await draining(client);
    await new Promise((resolve) => setTimeout(resolve, NO_ECHO_MS));
    const { code } = await server.stop("SIGTERM");
    assert.equal(code, 1);
    await broken;
    await allGone(sandboxes);
  }
  await using server = await TestServer.start({ dataDir });
  const record = await (await server.client()).invocation(id, invocationId);
  assert.match(record.error, /^INTERRUPTED: /);
});

testInDataDir("what waits in the background runs at the next start", async (dataDir) => {
  const flags = [...BARRIER_FLAGS, "--max-running", "1", "--pool-size", "1"];
  const waiting: string[] = [];
  let echo: string;
  {
    await using server = await TestServer.start({ dataDir, flags });
    const client = await server.client();
    const barrier = new Barrier();
    const url = barrier.next();
    const waiter = await deployWaiter(client, barrier);
    echo = await client.deploy(ECHO);
    const running = client.invoke(waiter, { url });
    await started(client, waiter);
    for (let n = 0; n < 3; n++) {
      const { body } = await client.invoke(echo, { n }, { prefer: "respond-async" });
      waiting.push(body.invocationId);
    }
    const queuedCaller = client.invoke(echo, { waits: true });
    await eventually(async () => {
      const { body } = await client.get(`/api/v1/functions/${echo}/invocations`);
      return body.list.length === 4 || undefined;
    });
    // A follower of what will not start any more does not hold up the end.
    const path = `/api/v1/functions/${echo}/invocations/${waiting[0]}/logs`;
    const follower = await fetch(new URL(path, client.url), {
      headers: { accept: "text/event-stream", authorization: `Bearer ${client.token}` },
    });
    server.signal("SIGTERM");
    await draining(client);
    barrier.open(url);
    assert.ok((await running).body.json);
    assert.ok((await queuedCaller).body.json, "whoever waits for an answer gets it");
    assert.equal((await server.status).code, 0);
    await follower.text().catch(() => "cut");
    for (const line of (await server.log).trim().split("\n")) {
      assert.notEqual(JSON.parse(line).level, "ERROR", line);
    }
  }
  await using server = await TestServer.start({ dataDir, flags });
  const client = await server.client();
  for (const [n, id] of waiting.entries()) {
    const record = await client.ended(echo, id);
    assert.equal(record.status, `${PREFIX}SUCCESS`, record.error);
    assert.deepEqual(record.output, { n });
  }
});
