/** Workers that die, hang, are full, drain, or must not take part. */
import assert from "node:assert/strict";
import { createUser } from "@nats-io/nkeys";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { BreakableStarts, killZygotes } from "../support/breakable_starts.ts";
import { type Client, type Json, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { Relay } from "../support/relay.ts";
import type { TestServer } from "../support/server.ts";
import type { TestWorker } from "../support/workers.ts";
import { TestCluster } from "./cluster.ts";

/** More than a heartbeat waits for further changes; without the wait, a test finds less. */
const HEARTBEAT_MS = 500;
const HANG =
  `export default () => { console.log("up"); return new Promise((resolve) => setTimeout(resolve, 1e6)); };`;
const ECHO = `export default ({ n }) => ({ n });`;
const SLEEP =
  `export default ({ ms }) => { console.log("up"); return new Promise((resolve) => setTimeout(() => resolve({ slept: ms }), ms)); };`;

/** Calls a function; again if its node has lost its lease because the machine is too busy, and joins anew. */
async function call(client: Client, id: string, input: Json): Promise<Json> {
  return await eventually(async () => {
    const answer = await client.invoke(id, input);
    return answer.status === 503 ? undefined : answer;
  }, "a node that takes invocations");
}

/** Begins an invocation, and resolves once its code runs; the answer is in `ended`. */
async function running(client: Client, id: string, input: Json = {}): Promise<{
  readonly invocationId: string;
  readonly ended: Promise<Json>;
}> {
  const before = await client.get(`/api/v1/functions/${id}/invocations`);
  const known = new Set(before.body.list.map((each: Json) => each.id));
  const ended = call(client, id, input);
  const invocationId = await eventually(async () => {
    const { body } = await client.get(`/api/v1/functions/${id}/invocations`);
    return body.list.find((each: Json) => !known.has(each.id))?.id as string | undefined;
  });
  await eventually(async () => {
    const path = `/api/v1/functions/${id}/invocations/${invocationId}/logs`;
    return (await client.get(path)).body.list.length > 0 || undefined;
  });
  return { invocationId, ended };
}

/** The invocation ended for a lost worker or, on a machine that is too busy, for a node that lost its lease. */
async function interrupted(client: Client, id: string, invocationId: string): Promise<void> {
  const { error } = await client.invocation(id, invocationId);
  assert.match(error, /^INTERRUPTED: /);
}

/** What `/readyz` says once it has this status, and this in its text. */
async function readiness(url: string, status: number, text = /^/): Promise<Json> {
  return await eventually(async () => {
    const response = await fetch(new URL("/readyz", url));
    const body = await response.json();
    return response.status === status && text.test(JSON.stringify(body)) ? body : undefined;
  });
}

const outputOf = ({ body }: Json) => JSON.parse(unbase64(body.json));

async function rejected(t: Deno.TestContext, { nats }: TestCluster): Promise<void> {
  await using directory = await makeTempDir();
  const data = ["--data", directory.path];

  await t.step(
    "a worker without NATS, with foreign credentials",
    async () => {
      const none = await runInvoked(["worker", ...data]);
      assert.equal(none.code, 1);
      assert.match(none.stderr, /The worker did not start: a worker needs --nats/);
      const file = join(directory.path, "foreign.nk");
      await Deno.writeFile(file, createUser().getSeed());
      const foreign = await runInvoked([
        "worker",
        ...nats.address.flags,
        "--nats-credentials",
        file,
        ...data,
      ]);
      assert.match(foreign.stderr, /does not ask for --nats-credentials/);
      const wrong = await runInvoked(["worker", "--nats", "http://127.0.0.1", ...data]);
      assert.equal(wrong.code, 2);
      assert.match(
        wrong.stderr,
        /Invalid --nats: "http:\/\/127\.0\.0\.1" is not a list of URLs/,
      );
    },
  );

  await t.step("a server with NATS and without a database", async () => {
    const { code, stderr } = await runInvoked(["serve", ...nats.address.flags, ...data]);
    assert.equal(code, 1);
    assert.match(stderr, /--nats needs --database: API nodes share their records/);
    const alone = await runInvoked(["serve", "--capacity", "3", ...data]);
    assert.match(alone.stderr, /--capacity needs --nats/);
  });
}

async function cannotStart(
  t: Deno.TestContext,
  cluster: TestCluster,
  node: TestServer,
): Promise<void> {
  await using starts = await BreakableStarts.make();
  const client = await node.client();
  const probes = freePort();
  await using broken = await cluster.worker({
    capacity: 2,
    env: { PATH: starts.path },
    flags: ["--port", `${probes}`],
  });
  const echo = await client.deploy(ECHO);
  assert.deepEqual(outputOf(await call(client, echo, { n: 0 })), { n: 0 });
  const isDraining = async (expected: boolean) =>
    await eventually(async () => {
      const { workers } = ok(await client.get("/api/v1/status"));
      return workers.find(({ id }: Json) => id === broken.id)?.isDraining === expected || undefined;
    }, `isDraining ${expected} of the worker`);
  const answers: Promise<Json>[] = [];
  let id = "";

  await t.step("it hands back what it has not begun, and takes nothing more", async () => {
    await starts.break("all");
    await killZygotes(broken.pid);
    answers.push(call(client, echo, { n: 1 }));
    id = ok(await client.invoke(echo, { n: 2 }, { prefer: "respond-async" })).invocationId;
    await isDraining(true);
    await readiness(`http://127.0.0.1:${probes}`, 503, /./);
    const alive = await fetch(`http://127.0.0.1:${probes}/healthz`);
    assert.deepEqual([alive.status, await alive.json()], [200, { status: "ok" }]);
    assert.match((await readiness(node.url, 503)).reason, /no worker has been available for 10 s/);
    answers.push(call(client, echo, { n: 3 }));
  });

  await t.step("another worker runs it", async () => {
    await using _ = await cluster.worker({ capacity: 1 });
    assert.deepEqual((await Promise.all(answers)).map(outputOf), [{ n: 1 }, { n: 3 }]);
    const { status, output } = await client.ended(echo, id);
    assert.match(status, /_SUCCESS$/);
    assert.deepEqual(output, { n: 2 });
  });

  await t.step("it takes invocations again once processes start", async () => {
    await starts.break("nothing");
    await isDraining(false);
    const ready = await readiness(`http://127.0.0.1:${probes}`, 200);
    assert.deepEqual(ready, { status: "ready", running: 0, capacity: 2 });
  });
}

async function endOrHang(
  t: Deno.TestContext,
  cluster: TestCluster,
  node: TestServer,
): Promise<void> {
  const client = await node.client();
  const first = await cluster.worker({ capacity: 1 });
  const hang = await client.deploy(HANG);
  const echo = await client.deploy(ECHO);
  const sleep = await client.deploy(SLEEP);
  const [probesOfSecond, probesOfThird] = [freePort(), freePort()];
  let second: TestWorker | undefined;
  let third: TestWorker | undefined;

  await t.step("an invocation whose worker is killed ends as INTERRUPTED", async () => {
    const { invocationId, ended } = await running(client, hang);
    await first.stop("SIGKILL");
    await ended;
    await interrupted(client, hang, invocationId);
  });

  await t.step("without a worker the node is not ready, and says why", async () => {
    const { reason, synchronous, asynchronous } = await readiness(node.url, 503);
    assert.match(reason, /no worker has been available for 10 s/);
    assert.deepEqual([synchronous, asynchronous], [{ accepted: false, reason }, {
      accepted: true,
    }]);
  });

  await t.step("an invocation waits for a worker that comes", async () => {
    const waiting = call(client, echo, { n: 1 });
    second = await cluster.worker({ capacity: 1, flags: ["--port", `${probesOfSecond}`] });
    assert.deepEqual(outputOf(await waiting), { n: 1 });
    await readiness(node.url, 200);
  });

  await t.step(
    "an invocation whose worker hangs ends as INTERRUPTED, and others run elsewhere",
    async () => {
      const { invocationId, ended } = await running(client, hang);
      second?.signal("SIGSTOP");
      await ended;
      await interrupted(client, hang, invocationId);
      third = await cluster.worker({ capacity: 1, flags: ["--port", `${probesOfThird}`] });
      assert.deepEqual(outputOf(await call(client, echo, { n: 2 })), { n: 2 });
      // It kills what it ran, and takes part again.
      second?.signal("SIGCONT");
    },
  );

  await t.step("the record names the worker that accepts in place of a silent one", async () => {
    const fresh = await client.deploy(`export default () => ({ fresh: true });`);
    const workerOf = async () => {
      const { body } = await call(client, fresh, {});
      return (await client.invocation(fresh, body.invocationId)).worker;
    };
    await eventually(async () => {
      const { workers } = ok(await client.get("/api/v1/status"));
      return workers.filter(({ free }: Json) => free === 1).length === 2 || undefined;
    }, "two workers");
    const [silent, other] = await workerOf() === second?.id ? [second, third] : [third, second];
    // Once a heartbeat reports that a worker has the script, this worker is asked first.
    await delay(HEARTBEAT_MS);
    silent?.signal("SIGSTOP");
    assert.equal(await workerOf(), other?.id);
    silent?.signal("SIGCONT");
  });

  await t.step("a full worker rejects, and the next one is asked", async () => {
    const long = await running(client, sleep, { ms: 3000 });
    assert.deepEqual(outputOf(await call(client, echo, { n: 3 })), { n: 3 });
    assert.deepEqual(outputOf(await long.ended), { slept: 3000 });
  });

  await t.step("a worker that drains finishes what runs, and takes nothing new", async () => {
    const both = [
      await running(client, sleep, { ms: 3000 }),
      await running(client, sleep, { ms: 3000 }),
    ];
    const stopping = second?.stop("SIGTERM");
    await readiness(`http://127.0.0.1:${probesOfSecond}`, 503, /the worker drains/);
    for (let n = 0; n < 3; n++) {
      assert.deepEqual(outputOf(await call(client, echo, { n })), { n });
    }
    for (const { ended } of both) assert.deepEqual(outputOf(await ended), { slept: 3000 });
    assert.equal((await stopping)?.code, 0);
  });

  await t.step("invocations go on while NATS is killed and started again", async () => {
    const { ended } = await running(client, sleep, { ms: 2000 });
    await cluster.nats.stop("SIGKILL");
    assert.match(JSON.stringify(await readiness(node.url, 503)), /NATS at .* is unreachable/);
    await readiness(`http://127.0.0.1:${probesOfThird}`, 503, /NATS at .* is unreachable/);
    await cluster.nats.restart();
    assert.deepEqual(outputOf(await ended), { slept: 2000 });
    assert.deepEqual(outputOf(await call(client, echo, { n: 4 })), { n: 4 });
  });

  await using relay = await Relay.to(cluster.nats.address.port);
  const last = await cluster.worker({ nats: cluster.nats.address.through(relay), capacity: 1 });
  /** Silences the last worker's connection, and resolves once the worker has made another one. */
  const silencing = async (silence: () => void) => {
    const { accepted } = relay;
    silence();
    await eventually(() => relay.accepted > accepted || undefined, "a connection of the worker");
  };

  await t.step("invocations go on after NATS has paused until its clients gave up", async () => {
    await third?.stop();
    await silencing(() => cluster.nats.signal("SIGSTOP"));
    await readiness(node.url, 503, /NATS at .* is unreachable/);
    cluster.nats.signal("SIGCONT");
    assert.deepEqual(outputOf(await call(client, echo, { n: 5 })), { n: 5 });
    await readiness(node.url, 200);
  });

  await t.step("invocations go on after the connection of the worker went silent", async () => {
    last.signal("SIGHUP");
    await silencing(() => relay.silence());
    assert.deepEqual(outputOf(await call(client, echo, { n: 6 })), { n: 6 });
  });

  await t.step("a worker and an API node end although NATS has stopped", async () => {
    cluster.nats.signal("SIGSTOP");
    const ends = await Promise.all([last.stop(), node.stop()]);
    assert.deepEqual(ends.map(({ code }) => code), [0, 0]);
    assert.match(ends[0].log, /reloaded after SIGHUP: the log level is info/);
  });
}

Deno.test("workers that are rejected, fail, end or hang", async (t) => {
  await using cluster = await TestCluster.start();
  await t.step("what a start rejects", (t) => rejected(t, cluster));
  const node = await cluster.node();
  await t.step(
    "a worker that cannot start processes gives its invocations to others",
    (t) => cannotStart(t, cluster, node),
  );
  // NATS and the node end with the last steps.
  await t.step("workers that end or hang", (t) => endOrHang(t, cluster, node));
});
