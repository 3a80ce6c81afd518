/** API nodes that share one database: what one of them accepted, any other answers for, ends and takes over. */
import assert from "node:assert/strict";
import { SLEEP } from "../invocations/functions.ts";
import { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { TestCluster, type ThreeNodes } from "./cluster.ts";
import { balancedAt } from "./balanced.ts";
import { principalsAt } from "./principals.ts";
import { sessionsAt } from "./sessions.ts";
import { signingKeysAt } from "./signing_keys.ts";
import { triggersAt } from "./triggers.ts";

/** Runs until it is killed, up to an attempt that returns its number. */
const UP_TO = `export default async ({ last }, { attempt }) => {
  console.log("attempt " + attempt);
  if (attempt === last) return { attempt };
  setInterval(() => {}, 1000);
  await new Promise(() => {});
};`;
/** Returns when it ran, on the clock of the machine. */
const INTERVAL = `export default async () => {
  const start = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 150));
  return { start, end: Date.now() };
};`;

const BACKGROUND = { prefer: "respond-async" };
const SUCCESS = "FUNCTION_INVOCATION_STATUS_SUCCESS";
const ERROR = "FUNCTION_INVOCATION_STATUS_ERROR";
const FLAGS = [
  ...["--max-attempts", "2", "--max-running-per-function", "16"],
  // Many forged tokens come from one address.
  ...["--token-rate", "0"],
];

/** Resolves once the invocation has printed that this attempt runs. */
async function runs(client: Client, id: string, invocation: string, attempt: number) {
  const path = `/api/v1/functions/${id}/invocations/${invocation}/logs`;
  await eventually(async () => {
    const { body } = await client.get(path);
    return body.list.find(({ message }: { message: string }) => message === `attempt ${attempt}`);
  }, `attempt ${attempt}`);
}

async function cancelElsewhere(here: Client, there: Client): Promise<void> {
  const id = await here.deploy(UP_TO);
  for (const headers of [BACKGROUND, {}]) {
    const answering = here.invoke(id, { last: 9 }, headers);
    const { list: [{ id: invocation }] } = await eventually(async () => {
      const { body } = await there.get(`/api/v1/functions/${id}/invocations`);
      const [newest] = body.list;
      return newest !== undefined && newest.status !== ERROR ? body : undefined;
    });
    await runs(there, id, invocation, 1);
    const path = `/api/v1/functions/${id}/invocations/${invocation}/cancel`;
    const { invocation: cancelled } = ok(await there.post(path, {}));
    assert.match(cancelled.error, /^CANCELLED: /);
    assert.equal((await answering).status, 200);
  }
}

async function repeatElsewhere(here: Client, there: Client): Promise<void> {
  const id = await here.deploy(SLEEP);
  const headers = { "idempotency-key": "once" };
  const answers = await Promise.all(
    [here, there, here, there].map((client) => client.invoke(id, { ms: 1500 }, headers)),
  );
  const [first, ...others] = answers.map(({ body }) => JSON.stringify(body));
  for (const other of others) assert.equal(other, first);
  const { body } = await there.get(`/api/v1/functions/${id}/invocations`);
  assert.equal(body.list.length, 1);
  const waited = await here.invoke(id, { ms: 500 }, { prefer: "respond-async" });
  const late = await there.invoke(id, { ms: 500 }, { prefer: "wait=30" });
  assert.notEqual(waited.body.invocationId, late.body.invocationId);
  const { status, error } = await here.invocation(id, late.body.invocationId);
  assert.equal(status, SUCCESS, error);
  assert.ok(
    "json" in late.body,
    "it is woken at the end of an invocation that another node may own",
  );
}

async function changesElsewhere(here: Client, there: Client): Promise<void> {
  const id = await here.deploy(`export default () => ({ n: 0 });`);
  for (let n = 1; n <= 5; n++) {
    const [writer, reader] = n % 2 === 0 ? [here, there] : [there, here];
    const change = { variables: { N: `${n}` } };
    ok(await writer.post("/api/v1/functions/update", { function: { id, ...change } }));
    const { body } = await reader.get(`/api/v1/functions/${id}`);
    assert.deepEqual(body.function.variables, change.variables);
  }
  const made = ok(await here.post("/api/v1/iam/personal_clients", { displayName: "other" }));
  const other = await Client.login(there.url, made.client.clientId, made.clientSecret);
  ok(await other.get("/api/v1/functions"));
  ok(await here.call("DELETE", `/api/v1/iam/personal_clients/${made.client.id}`));
  assertError(await other.get("/api/v1/functions"), "TOKEN_INVALID");
}

/** A function's own limit holds over all nodes, for invocations with and without a caller. */
async function concurrency(here: Client, there: Client): Promise<void> {
  const id = await here.deploy(INTERVAL);
  ok(await here.post("/api/v1/functions/update", { function: { id, maxConcurrency: 2 } }));
  const invocations = [here, there, here, there, here, there].flatMap((client) => [
    client.invoke(id).then(async ({ body }) => {
      const { status, error, output } = await client.invocation(id, body.invocationId);
      assert.equal(status, SUCCESS, error);
      return output;
    }),
    client.invoke(id, {}, BACKGROUND).then(async ({ body }) =>
      (await client.ended(id, body.invocationId)).output
    ),
  ]);
  const intervals: { start: number; end: number }[] = await Promise.all(invocations);
  for (const { start } of intervals) {
    const running = intervals.filter((other) => other.start <= start && start < other.end);
    assert.ok(running.length <= 2, `${running.length} ran at ${start}`);
  }
}

/** Starts nodes at once, of which one makes the first client: it comes first in the answer. */
async function startAtOnce(cluster: TestCluster): Promise<ThreeNodes> {
  const nodes = await Promise.all(Array.from({ length: 3 }, () => cluster.node({ flags: FLAGS })));
  const made = await Promise.all(nodes.map((node) => node.credentials().catch(() => undefined)));
  const [at = -1, ...others] = made.keys().filter((at) => made[at] !== undefined);
  const first = nodes[at];
  assert.ok(first !== undefined && others.length === 0, JSON.stringify(made));
  for (const { url } of nodes) {
    const client = await first.client(url);
    const { list } = ok(await client.get("/api/v1/functions"));
    const names = list.map(({ displayName }: { displayName: string }) => displayName);
    assert.deepEqual(names, ["hello"]);
  }
  const [second, third] = nodes.filter((node) => node !== first);
  assert.ok(second && third);
  return { nodes: [first, second, third], client: await first.client() };
}

Deno.test("API nodes that share one database", async (t) => {
  await using cluster = await TestCluster.start();
  let started: ThreeNodes | undefined;
  await t.step(
    "nodes that start at once on an empty database make one client and one example",
    async () => void (started = await startAtOnce(cluster)),
  );
  const three = started ?? assert.fail();
  await cluster.worker({ capacity: 4 });
  await t.step("principals at three nodes", (t) => principalsAt(t, three));
  await t.step("sessions at two nodes", (t) => sessionsAt(t, three));
  await t.step("signing keys and proofs at three nodes", (t) => signingKeysAt(t, three));
  await t.step(
    "C1's SDKs create, publish, invoke and read a function through haproxy",
    (t) => balancedAt(t, three),
  );
  const [first] = three.nodes;
  const here = await first.client();
  const taken = await here.deploy(UP_TO);
  const { body: { invocationId: again } } = await here.invoke(taken, { last: 2 }, BACKGROUND);
  await runs(here, taken, again, 1);
  const second = await cluster.node({ flags: FLAGS });
  const there = await first.client(second.url);

  await t.step(
    "an invocation is followed and cancelled at any node",
    () => cancelElsewhere(here, there),
  );
  await t.step("a repeated invocation waits at any node", () => repeatElsewhere(here, there));
  await t.step("a change counts at every node at once", () => changesElsewhere(here, there));
  await t.step(
    "maxConcurrency counts the invocations of all nodes",
    () => concurrency(here, there),
  );

  await t.step("the invocations of a node that was killed end, or start again", async () => {
    const waiting = here.invoke(taken, { last: 9 }).catch(() => "its connection breaks");
    const { id: sync } = await eventually(async () => {
      const { body } = await there.get(`/api/v1/functions/${taken}/invocations`);
      return body.list.find(({ id, attempt }: { id: string; attempt?: number }) =>
        id !== again && attempt === 1
      );
    });
    await first.stop("SIGKILL");
    await waiting;
    assert.match((await there.ended(taken, sync)).error, /^INTERRUPTED: /);
    const { output, attempt } = await there.ended(taken, again);
    assert.deepEqual([output, attempt], [{ attempt: 2 }, 2]);
  });

  const third = await cluster.node({ flags: FLAGS });
  const suspended = await first.client(third.url);
  await t.step("a node that was suspended changes nothing that was taken over", async () => {
    const { list: before } = ok(await there.get(`/api/v1/functions/${taken}/invocations`));
    const answering = suspended.invoke(taken, { last: 9 }).catch((error) => error);
    const { id } = await eventually(async () => {
      const { body } = await there.get(`/api/v1/functions/${taken}/invocations`);
      const [newest] = body.list;
      return newest.id !== before[0].id && newest.attempt === 1 ? newest : undefined;
    });
    third.signal("SIGSTOP");
    const taken_ = await there.ended(taken, id);
    assert.match(taken_.error, /^INTERRUPTED: /);
    third.signal("SIGCONT");
    await answering;
    assert.deepEqual(await there.invocation(taken, id), taken_);
    // It joins again, and serves.
    await eventually(async () => (await suspended.get("/readyz")).status === 200 || undefined);
  });

  await t.step(
    "nodes start each time and each event once, also when one dies",
    // Since the first node was killed, the second holds the lease on schedules: the third started later.
    (t) => triggersAt(t, second, there, suspended),
  );
});
