/** API nodes and a worker whose clocks are wrong, and jump while they run. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { FakeClock } from "../faults/clock.ts";
import { type Json, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import type { TestServer } from "../support/server.ts";
import { TestCluster } from "./cluster.ts";

const HOUR_S = 60 * 60;
const HOUR_MS = HOUR_S * 1000;
/** The timeout of invocations in a cluster of tests. */
const TIMEOUT_MS = 10 * 60_000;
const DEADLINE = `export default (_, { deadline }) => ({ deadline });`;
/** The clock of the worker, which its functions read. Here they read the clock of the machine instead. */
const WORKER_OFFSET_S = -3 * HOUR_S;
/** How much later a delayed invocation begins. */
const DELAY_MS = 3_000;

async function openClock(opened: AsyncDisposableStack): Promise<FakeClock> {
  return opened.use(await FakeClock.open() ?? assert.fail("libfaketime is missing"));
}

/** What `/readyz` says once it has this status. */
async function readiness({ url }: TestServer, expected: number): Promise<Json> {
  let last: Json;
  return await eventually(async () => {
    const response = await fetch(new URL("/readyz", url));
    last = await response.json();
    return response.status === expected ? last : undefined;
  }, `readiness ${expected}`).catch((error) => {
    throw new Error(`${error.message}: ${JSON.stringify(last)}`);
  });
}

Deno.test("clocks that are wrong", async (t) => {
  await using opened = new AsyncDisposableStack();
  const [firstClock, secondClock, workerClock] = [
    await openClock(opened),
    await openClock(opened),
    await openClock(opened),
  ];
  const cluster = opened.use(await TestCluster.start());
  const first = await cluster.node({ env: firstClock.env });
  await secondClock.set(2 * HOUR_S);
  await workerClock.set(WORKER_OFFSET_S);
  const second = await cluster.node({ env: secondClock.env });
  await cluster.worker({ capacity: 4, env: workerClock.env });
  const client = await first.client();
  const functionId = await client.deploy(DEADLINE);
  /** The nodes whose clocks are wrong, and the nodes that do what depends on clocks. */
  const nodes = async () => {
    const rows = await cluster.postgres.query<{ id: string; offset: string; work: string[] }>(
      `select id, clock_offset_ms::text as offset,
          array(select name from leases where holder = nodes.id and until > to_char(now() at time zone 'UTC',
            'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') order by name) as work
        from nodes order by id`,
      cluster.databaseName,
    );
    return rows.map((row) => ({ ...row, offset: Number(row.offset) }));
  };
  /** Resolves with the node whose clock is wrong, once another node does the work that depends on clocks. */
  const wrongNode = () =>
    eventually(async () => {
      const all = await nodes();
      const wrong = all.filter(({ offset }) => Math.abs(offset) > HOUR_MS / 2);
      const right = all.find(({ work }) => work.includes("schedules"));
      const isLeft = right?.work.includes("housekeeping") && !wrong.includes(right);
      return wrong.length === 1 && isLeft ? wrong[0] : undefined;
    }, "work at the node whose clock is right");

  await t.step("a node with a wrong clock leaves clients and timed work to others", async () => {
    const { reason, synchronous, asynchronous } = await readiness(second, 503);
    assert.match(
      reason,
      /^the clock of this machine is [\d,]+ (?:h|min|s) ahead of the clock of the database, .*; synchronize/,
    );
    assert.deepEqual([synchronous, asynchronous], [{ accepted: true }, { accepted: true }]);
    assert.equal((await fetch(new URL("/readyz", first.url))).status, 200);
    const wrong = await wrongNode();
    assert.ok(Math.abs((wrong?.offset ?? 0) - 2 * HOUR_MS) < HOUR_MS / 10, `${wrong?.offset}`);
  });

  await t.step("a delayed invocation does not begin before its time", async () => {
    const at = new Date(Date.now() + DELAY_MS).toISOString();
    const headers = { prefer: "respond-async", "invoke-at": at };
    const { status, body } = await client.invoke(functionId, {}, headers);
    assert.equal(status, 200, JSON.stringify(body));
    const { startedAt, error = "" } = await client.ended(functionId, body.invocationId);
    assert.equal(error, "");
    assert.ok(Date.now() >= Date.parse(at), `it ended before ${at}`);
    // A node whose clock is right has started it.
    const lateMs = Date.parse(startedAt) - Date.parse(at);
    assert.ok(lateMs >= 0 && lateMs < HOUR_MS, `it started at ${startedAt}, and not at ${at}`);
  });

  await t.step("the deadline of code on a worker follows the clock of the worker", async () => {
    const { body } = await client.invoke(functionId);
    const { deadline } = JSON.parse(unbase64(body.json));
    const leftMs = Date.parse(deadline) - (Date.now() + WORKER_OFFSET_S * 1000);
    assert.ok(leftMs > 0 && leftMs <= TIMEOUT_MS, `it has ${leftMs} ms left`);
  });

  await t.step("doctor names the node", async () => {
    await using folder = await makeTempDir();
    const { stdout } = await runInvoked([
      ...["doctor", "--cluster", "--json", "--data", join(folder.path, "data")],
      ...["--database", cluster.database, ...cluster.nats.address.flags],
    ]);
    const wrong = await wrongNode();
    const part = JSON.parse(stdout).cluster.find(({ name }: Json) => name.endsWith(wrong?.id));
    assert.equal(part.verdict, "degraded");
    assert.match(part.detail, /^its clock is .* ahead of the clock of the database; synchronize/);
  });

  await t.step("clocks that jump move the work, and nodes are ready again", async () => {
    const before = await wrongNode();
    // For a moment both clocks are right, or both wrong.
    await firstClock.set(-5 * HOUR_S);
    await secondClock.set(0);
    await readiness(second, 200);
    assert.match((await readiness(first, 503)).reason, /behind the clock of the database/);
    const after = await eventually(async () => {
      const found = await wrongNode();
      return found?.id === before?.id ? undefined : found;
    }, "the other node");
    assert.ok((after?.offset ?? 0) < -4 * HOUR_MS);
    const there = await first.client(second.url);
    ok(await there.invoke(functionId));
    await firstClock.set(0);
    await readiness(first, 200);
    ok(await client.invoke(functionId));
  });
});
