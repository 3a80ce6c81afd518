import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import { makeTempDir } from "../support/invoked.ts";
import { getRequest, Line } from "../support/line.ts";
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

interface Ended {
  readonly functionId: string;
  readonly invocationId: string;
}

/** The record of an invocation that a server has left behind. */
async function errorOf(client: Client, { functionId, invocationId }: Ended): Promise<string> {
  const { status, error } = await client.invocation(functionId, invocationId);
  assert.equal(status, `${PREFIX}ERROR`);
  return error;
}

/** Stops a server while two invocations run, one of them in the background. */
async function exceedsTheLimit(server: TestServer): Promise<Ended> {
  const client = await server.client();
  const functionId = await client.deploy(HANG);
  const { body } = await client.invoke(functionId, {}, { prefer: "respond-async" });
  const other = await client.deploy(HANG);
  const waitedFor = client.invoke(other);
  await started(client, other);
  await started(client, functionId);
  const sandboxes = descendantsOf(server.pid);
  const { code } = await server.stop("SIGINT");
  assert.equal(code, 0);
  const answer = await waitedFor;
  assert.equal(answer.headers.get("invocation-status"), `${PREFIX}ERROR`);
  await allGone(sandboxes);
  return { functionId, invocationId: body.invocationId };
}

/** Stops a server by two signals while an invocation runs, and before load balancers had to notice. */
async function killsAtOnce(server: TestServer): Promise<Ended> {
  const client = await server.client();
  const functionId = await client.deploy(HANG);
  const echo = await client.deploy(ECHO);
  const broken = client.invoke(functionId).then(() => "answered", () => "broken");
  const invocationId = await started(client, functionId);
  const sandboxes = descendantsOf(server.pid);
  server.signal("SIGTERM");
  await draining(client);
  const { reason, synchronous } = (await client.get("/readyz")).body;
  assert.deepEqual([reason, synchronous], ["the server is stopping", { accepted: true }]);
  for (const prefer of ["", "respond-async"]) {
    const { status, body } = await client.invoke(echo, { n: 1 }, { prefer });
    assert.equal(status, 200, JSON.stringify(body));
  }
  await new Promise((resolve) => setTimeout(resolve, NO_ECHO_MS));
  const { code } = await server.stop("SIGTERM");
  assert.equal(code, 1);
  await broken;
  await allGone(sandboxes);
  return { functionId, invocationId };
}

interface Waiting {
  readonly echo: string;
  readonly ids: readonly string[];
}

/** Stops a server, which runs one invocation at a time, while invocations of both kinds wait. */
async function leavesWhatWaits(server: TestServer): Promise<Waiting> {
  const client = await server.client();
  const barrier = new Barrier();
  const url = barrier.next();
  const waiter = await deployWaiter(client, barrier);
  const echo = await client.deploy(ECHO);
  const running = client.invoke(waiter, { url });
  await started(client, waiter);
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) {
    const { body } = await client.invoke(echo, { n }, { prefer: "respond-async" });
    ids.push(body.invocationId);
  }
  const queuedCaller = client.invoke(echo, { waits: true });
  await eventually(async () => {
    const { body } = await client.get(`/api/v1/functions/${echo}/invocations`);
    return body.list.length === 4 || undefined;
  });
  // A follower of what will not start any more does not hold up the end.
  const path = `/api/v1/functions/${echo}/invocations/${ids[0]}/logs`;
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
  return { echo, ids };
}

async function runAfterwards(client: Client, { echo, ids }: Waiting): Promise<void> {
  for (const [n, id] of ids.entries()) {
    const record = await client.ended(echo, id);
    assert.equal(record.status, `${PREFIX}SUCCESS`, record.error);
    assert.deepEqual(record.output, { n });
  }
}

/** Stops a server while an invocation runs that ends in time. */
async function letsFinish(server: TestServer): Promise<void> {
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
  // It still accepts connections, and closes each after its answer.
  const { hostname, port } = new URL(server.url);
  using line = await Line.open({ hostname, port: Number(port) });
  const { status: readiness, closes } = await line.ask(getRequest("/readyz"));
  assert.deepEqual([readiness, closes], [503, true]);
  for (const prefer of ["", "respond-async"]) {
    const rejected = await client.invoke(id, {}, { prefer });
    assertError(rejected, "SERVER_STOPPING");
    assert.equal(rejected.body.code, 14);
    assert.match(rejected.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  }
  barrier.open(url);
  const { status, headers, body } = await running;
  assert.equal(status, 200);
  assert.ok(body.json);
  assert.equal(headers.get("invocation-status"), `${PREFIX}SUCCESS`);
  assert.equal((await server.status).code, 0);
  await allGone(sandboxes);
}

Deno.test("a server drains, and the next one on its data has what it left", async (t) => {
  await using directory = await makeTempDir();
  const dataDir = directory.path;
  const hasty = [...BARRIER_FLAGS, "--drain-timeout", "500ms"];
  const oneAtATime = [...BARRIER_FLAGS, "--max-running", "1", "--pool-size", "1"];
  const step = async (
    name: string,
    flags: readonly string[],
    run: (server: TestServer) => Promise<void>,
  ) => {
    await using server = await TestServer.start({
      dataDir,
      flags: ["--invocation-timeout", "10m", ...flags],
    });
    await t.step(name, () => run(server));
  };
  let [late, killed]: (Ended | undefined)[] = [];
  let waiting: Waiting | undefined;
  await step("what runs longer than the drain limit is interrupted", hasty, async (server) => {
    late = await exceedsTheLimit(server);
  });
  const patient = [...BARRIER_FLAGS, "--drain-delay", "10m"];
  await step(
    "a server accepts invocations until load balancers notice its end, and a second signal kills at once",
    patient,
    async (server) => {
      assert.match(await errorOf(await server.client(), late ?? assert.fail()), /^INTERRUPTED: /);
      killed = await killsAtOnce(server);
    },
  );
  await step("what waits in the background runs at the next start", oneAtATime, async (server) => {
    assert.match(await errorOf(await server.client(), killed ?? assert.fail()), /^INTERRUPTED: /);
    waiting = await leavesWhatWaits(server);
  });
  await step(
    "SIGTERM lets what runs finish and takes nothing new",
    BARRIER_FLAGS,
    async (server) => {
      await runAfterwards(await server.client(), waiting ?? assert.fail());
      await letsFinish(server);
    },
  );
});
