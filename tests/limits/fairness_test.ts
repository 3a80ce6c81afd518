/** The order in which waiting invocations get slots, and invocations that are rejected before they wait. */
import assert from "node:assert/strict";
import { atOnce } from "../support/at_once.ts";
import type { Answer, Client, Json } from "../support/client.ts";
import { unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { TestServer } from "../support/server.ts";
import { deployWithSdk, outputOf } from "../sdk/support.ts";
import { serverSuite, type Stage } from "../support/suite.ts";

/** However long a busy machine takes, what holds a slot holds it, and what waits for one waits. */
const PATIENT = ["--invocation-timeout", "10m", "--queue-timeout", "10m"];
const ONE_AT_A_TIME = [...PATIENT, "--max-running", "1", "--pool-size", "1"];
const ASYNC = { prefer: "respond-async" };

/** Returns when it started; two that run one after the other never return the same. */
const STARTED = `export default async () => {
  const at = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 5));
  return { at };
};`;
const HANG = "export default () => new Promise((resolve) => setTimeout(resolve, 1e6));";
const SLEEP = `export default async ({ hangs }) => {
  await new Promise((resolve) => setTimeout(resolve, hangs ? 1e6 : 300));
  return {};
};`;

/** Takes the only slot, and returns what releases it. */
async function holdSlot(client: Client): Promise<() => Promise<void>> {
  const id = await client.deploy(HANG);
  const { invocationId } = ok(await client.invoke(id, {}, ASYNC));
  return async () => {
    ok(await client.post(`/api/v1/functions/${id}/invocations/${invocationId}/cancel`));
  };
}

async function waiting(client: Client, invocations: number): Promise<void> {
  await eventually(
    async () => (await client.get("/readyz")).body.waiting === invocations || undefined,
    `${invocations} waiting invocations`,
  );
}

/** Starts this many invocations; resolves once all wait, with a function that returns when they started. */
async function invokeAndWait(
  client: Client,
  id: string,
  invocations: number,
): Promise<() => Promise<number[]>> {
  const before: number = (await client.get("/readyz")).body.waiting;
  const answers = atOnce(invocations, () => client.invoke(id));
  await waiting(client, before + invocations);
  return async () => (await answers).map(startOf).toSorted((a, b) => a - b);
}

function startOf(answer: Answer<Json>): number {
  return JSON.parse(unbase64(ok(answer).json)).at;
}

async function startOfRecord(client: Client, id: string, invocationId: string): Promise<number> {
  return (await client.ended(id, invocationId)).output.at;
}

async function functionsTakeTurns({ client }: Stage): Promise<void> {
  const [flooded, other] = [await client.deploy(STARTED), await client.deploy(STARTED)];
  const release = await holdSlot(client);
  const flood = await invokeAndWait(client, flooded, 20);
  const single = await invokeAndWait(client, other, 1);
  await release();
  const [start] = await single();
  assert.equal([...await flood(), start].toSorted().indexOf(start), 1);
}

async function callersGoFirst({ client }: Stage): Promise<void> {
  const [one, other] = [await client.deploy(STARTED), await client.deploy(STARTED)];
  const release = await holdSlot(client);
  const background = [
    ok(await client.invoke(one, {}, ASYNC)),
    ok(await client.invoke(one, {}, ASYNC)),
  ];
  const floods = [await invokeAndWait(client, one, 3), await invokeAndWait(client, other, 3)];
  await release();
  const starts = (await Promise.all(floods.map((answers) => answers()))).flat();
  for (const { invocationId } of background) {
    assert.ok(await startOfRecord(client, one, invocationId) > Math.max(...starts));
  }
}

async function oneTurnInEight({ client }: Stage): Promise<void> {
  const id = await client.deploy(STARTED);
  const release = await holdSlot(client);
  const { invocationId } = ok(await client.invoke(id, {}, ASYNC));
  const answers = await invokeAndWait(client, id, 20);
  await release();
  const start = await startOfRecord(client, id, invocationId);
  assert.equal([...await answers(), start].toSorted().indexOf(start), 7);
}

serverSuite("turns", { flags: [...ONE_AT_A_TIME, "--max-wait", "7d"] }, {
  "go round between functions": functionsTakeTurns,
  "come first for synchronous invocations": callersGoFirst,
  "come for an asynchronous invocation among many others, too": oneTurnInEight,
});

async function unmeasured({ client }: Stage): Promise<void> {
  const id = await client.deploy(SLEEP);
  const release = await holdSlot(client);
  const invocation = client.invoke(id);
  await waiting(client, 1);
  assert.equal((await client.get("/readyz")).body.callsPerSecond, null);
  await release();
  ok(await invocation);
  const { status, running, callsPerSecond } = ok(await client.get("/readyz"));
  assert.deepEqual([status, running], ["ready", 0]);
  assert.ok(callsPerSecond > 0);
}

async function tooFarAway({ client }: Stage): Promise<void> {
  const id = await client.deploy(SLEEP);
  const release = await holdSlot(client);
  for (const headers of [{}, { "idempotency-key": "rejected" }]) {
    const rejected = await client.invoke(id, {}, headers);
    assertError(
      rejected,
      "OVERLOADED",
      /the limit of 1 invocation at a time is reached \(--max-running\), and [\d.]+ invocations end per second\. .* \d.*s exceeds the limit of 50 ms \(--max-wait\)\. Try again in \d+ (s|m)\b/,
    );
    assert.match(rejected.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  }
  const { list } = ok(await client.get(`/api/v1/functions/${id}/invocations`));
  assert.deepEqual(list, [], "a rejected request leaves no invocation");
  const background = ok(await client.invoke(id, {}, ASYNC));
  assert.match((await client.invocation(id, background.invocationId)).status, /_PENDING$/);
  await release();
  await client.ended(id, background.invocationId);
  // Its end is on disk before its slot is free.
  await eventually(
    async () => ok(await client.get("/readyz")).running === 0 || undefined,
    "a free slot",
  );
  const { invocationId } = ok(await client.invoke(id, {}, { "idempotency-key": "rejected" }));
  assert.notEqual(
    invocationId,
    background.invocationId,
    "the key of a rejected invocation is free",
  );
}

async function nested({ client }: Stage): Promise<void> {
  const called = await client.deploy(SLEEP);
  const calling = await deployWithSdk(
    client,
    `return { answered: (await Promise.all([1, 2, 3].map(() => invoke(${
      JSON.stringify(called)
    })))).length };`,
    ["invoker"],
  );
  assert.deepEqual(await outputOf(client, calling), { answered: 3 });
}

serverSuite("an invocation whose turn is too far away", {
  flags: [...ONE_AT_A_TIME, "--max-wait", "50ms"],
}, {
  "waits while nothing was measured": unmeasured,
  "is rejected, unless it is asynchronous": tooFarAway,
  "passes where a running invocation makes it": nested,
});

async function running(client: Client, runs: number, waits: number): Promise<void> {
  await eventually(
    async () => {
      const { body } = await client.get("/readyz");
      return (body.running === runs && body.waiting === waits) || undefined;
    },
    `${runs} running and ${waits} waiting invocations`,
  );
}

async function asyncShare({ client }: Stage): Promise<void> {
  const [hanging, other] = [await client.deploy(HANG), await client.deploy(STARTED)];
  // From now on few asynchronous invocations start at a time; still they take all of their slots.
  ok(await client.invoke(other));
  const ids: string[] = [];
  for (let n = 0; n < 6; n++) ids.push(ok(await client.invoke(hanging, {}, ASYNC)).invocationId);
  await running(client, 2, 4);
  await Promise.all([ok(await client.invoke(other)), ok(await client.invoke(other))]);
  const cancel = async (id: string | undefined) =>
    ok(await client.post(`/api/v1/functions/${hanging}/invocations/${id}/cancel`));
  await cancel(ids[0]);
  await running(client, 2, 3);
  ids.push(ok(await client.invoke(hanging, {}, ASYNC)).invocationId);
  assertError(
    await client.invoke(hanging, {}, ASYNC),
    "QUEUE_FULL",
    /the limit of 2 invocations at a time is reached for asynchronous invocations \(--async-slots\), /,
  );
  for (const id of ids.slice(1)) await cancel(id);
}

const SHARED = [...PATIENT, "--max-running", "4", "--max-queued", "4", "--pool-size", "2"];
serverSuite("asynchronous invocations", { flags: SHARED }, {
  "take half of the slots, and leave the others to synchronous invocations": asyncShare,
});

Deno.test("asynchronous invocations may have more slots, or fewer", async () => {
  await using server = await TestServer.start({ flags: [...SHARED, "--async-slots", "3"] });
  const client = await server.client();
  const hanging = await client.deploy(HANG);
  for (let n = 0; n < 5; n++) ok(await client.invoke(hanging, {}, ASYNC));
  await running(client, 3, 2);
  ok(await client.invoke(await client.deploy(STARTED)));
});

Deno.test("a function at its own limit is rejected by its own rate, and logged once", async () => {
  await using server = await TestServer.start({
    flags: [
      ...[...PATIENT, "--max-wait", "50ms"],
      ...["--max-running", "3", "--max-running-per-function", "1"],
    ],
  });
  const client = await server.client();
  const [slow, other] = [await client.deploy(SLEEP), await client.deploy(STARTED)];
  ok(await client.invoke(slow));
  const held = ok(await client.invoke(slow, { hangs: true }, ASYNC));
  const queued = ok(await client.invoke(slow, { hangs: true }, ASYNC));
  for (let n = 0; n < 3; n++) {
    assertError(
      await client.invoke(slow),
      "OVERLOADED",
      /the limit of 1 invocation at a time for one function is reached \(--max-running-per-function\), and /,
    );
  }
  ok(await client.invoke(other));
  for (const { invocationId } of [queued, held]) {
    ok(await client.post(`/api/v1/functions/${slow}/invocations/${invocationId}/cancel`));
  }
  await server.stop("SIGTERM");
  const log = (await server.log).trim().split("\n").map((line) => JSON.parse(line));
  const reported = log.filter(({ logger }) => logger === "invoked.engine");
  assert.deepEqual(
    reported.map(({ level, message }) => [level, message.replace(/\d+ run/, "N run")]),
    [
      ["WARN", "Rejects invocations with 429: N run and 1 wait"],
      ["WARN", "Admits all invocations again; 3 were rejected"],
    ],
  );
});
