/** The rate limit of a function holds in any window, however late slots are granted, for retries and over restarts. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError } from "../support/expect.ts";
import { TestServer } from "../support/server.ts";
import { serverSuite, type Stage } from "../support/suite.ts";
import { assertRate, QUICK, settings, start, startsOf, STATUS } from "./support.ts";

const SLOTS = 2;
/** The default would be one slot for asynchronous invocations. */
const FLAGS = ["--max-running", `${SLOTS}`, "--async-slots", `${SLOTS}`];
const CODE = `export default async ({ n, hangs = 0, fails = 0 }, { attempt }) => {
  if (attempt <= hangs) await new Promise(() => setInterval(() => {}, 1000));
  if (attempt <= fails) throw new Error("not yet");
  return { n };
};`;
const LONG = { calls: 1, period: "600s" };
const RATE = { calls: 2, period: "1s" };
const PERIOD_MS = 1_000;
/** Within this time a limit of fixed times would let invocations pile up that then start together. */
const PILE_UP_MS = 2_500;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Takes all slots; answers what releases them. */
async function takeSlots(client: Client): Promise<() => Promise<void>> {
  const id = await client.deploy(CODE);
  const invocations: string[] = [];
  for (let n = 0; n < SLOTS; n++) invocations.push(await start(client, id, { hangs: 1 }));
  for (const invocation of invocations) {
    await eventually(async () =>
      (await client.invocation(id, invocation)).status === `${STATUS}RUNNING` || undefined
    );
  }
  return async () => {
    for (const invocation of invocations) {
      await client.post(`/api/v1/functions/${id}/invocations/${invocation}/cancel`);
    }
  };
}

async function starts(client: Client, id: string, inputs: readonly Json[]): Promise<string[]> {
  const invocations: string[] = [];
  for (const input of inputs) invocations.push(await start(client, id, input));
  return invocations;
}

function ended(client: Client, id: string, invocations: readonly string[]): Promise<Json[]> {
  return Promise.all(invocations.map((invocation) => client.ended(id, invocation)));
}

const numbered = (count: number, more = {}): Json[] =>
  Array.from({ length: count }, (_, n) => ({ n, ...more }));

async function waitsForRate(client: Client, id: string, invocation: string): Promise<void> {
  await eventually(async () => {
    const { waitReason } = await client.invocation(id, invocation);
    return waitReason === "WAIT_REASON_RATE_LIMIT" || undefined;
  }, "an invocation that waits for the rate limit");
}

/** The invocation that waits for a slot. */
async function queued(client: Client, id: string): Promise<Json> {
  return await eventually(async () => {
    const { list } = (await client.get(`/api/v1/functions/${id}/invocations`)).body;
    return list.find(({ status, waitReason }: Json) =>
      status === `${STATUS}PENDING` && waitReason === undefined
    );
  }, "an invocation that waits for a slot");
}

async function afterBacklog({ client }: Stage): Promise<void> {
  const id = await client.deploy(CODE);
  await settings(client, id, { rateLimit: RATE });
  const release = await takeSlots(client);
  const invocations = await starts(client, id, numbered(8));
  await pause(PILE_UP_MS);
  await release();
  const all = await ended(client, id, invocations);
  assert.deepEqual(all.map(({ output }) => output), numbered(8));
  assertRate(startsOf(all), RATE.calls, PERIOD_MS);
  const times = all.map(({ startedAt }) => startedAt);
  const first = times.map((_, n) => times[n - (n % RATE.calls)]);
  assert.deepEqual(first, first.toSorted(), "each waits for those before it");
}

async function countsRetries({ client }: Stage): Promise<void> {
  const id = await client.deploy(CODE);
  await settings(client, id, { rateLimit: RATE, retryPolicy: { ...QUICK, maxAttempts: 3 } });
  const all = await ended(client, id, await starts(client, id, numbered(2, { fails: 2 })));
  assert.deepEqual(all.map(({ output, attempts }) => [output.n, attempts.length]), [[0, 3], [
    1,
    3,
  ]]);
  assertRate(startsOf(all), RATE.calls, PERIOD_MS);
}

/** An invocation whose caller waits for a slot keeps its permit: it is not rejected after its wait. */
async function keepsPermits({ client }: Stage): Promise<void> {
  const id = await client.deploy(CODE);
  await settings(client, id, { rateLimit: LONG });
  const release = await takeSlots(client);
  const first = client.invoke(id, { n: 1 });
  first.catch(() => {});
  const { id: waiting } = await queued(client, id);
  assertError(
    await client.invoke(id),
    "RATE_LIMITED",
    /: the limit of 1 start in 10 min is reached \(rateLimit\)\. Try again in /,
  );
  const second = await start(client, id, { n: 2 });
  await waitsForRate(client, id, second);
  // What is cancelled before it starts leaves its permit to the next one.
  await client.post(`/api/v1/functions/${id}/invocations/${waiting}/cancel`);
  await first;
  const third = await start(client, id, { n: 3 });
  await waitsForRate(client, id, third);
  await release();
  assert.deepEqual((await client.ended(id, second)).output, { n: 2 });
  await waitsForRate(client, id, third);
  assertError(await client.invoke(id), "RATE_LIMITED");
}

/** A limit that is set while invocations wait for slots holds for the waiting ones. */
async function limitsQueued({ client }: Stage): Promise<void> {
  const id = await client.deploy(CODE);
  const release = await takeSlots(client);
  const answers = Promise.all([client.invoke(id, { n: 1 }), client.invoke(id, { n: 2 })]);
  answers.catch(() => {});
  await eventually(async () => {
    const { list } = (await client.get(`/api/v1/functions/${id}/invocations`)).body;
    return list.length === 2 || undefined;
  });
  const others = await client.deploy(CODE);
  const invocations = await starts(client, others, numbered(3));
  for (const each of [id, others]) await settings(client, each, { rateLimit: LONG });
  await release();
  const all = await answers;
  assert.deepEqual(all.map(({ status }) => status).sort(), [200, 429]);
  const rejected = all.find(({ status }) => status === 429);
  assert.ok(rejected !== undefined && Number(rejected.headers.get("retry-after")) > 0);
  assertError(rejected, "RATE_LIMITED");
  const { list } = (await client.get(`/api/v1/functions/${id}/invocations`)).body;
  const { error, startedAt } = list.find(({ status }: Json) => status === `${STATUS}ERROR`);
  assert.match(
    error,
    /^CANCELLED: the rate limit of the function \(rateLimit\) was set or lowered/,
  );
  assert.equal(startedAt, undefined);
  assert.deepEqual((await client.ended(others, invocations[0] ?? "")).output, { n: 0 });
  for (const invocation of invocations.slice(1)) await waitsForRate(client, others, invocation);
  await settings(client, others, { rateLimit: {} });
  assert.equal((await ended(client, others, invocations)).length, 3);
}

serverSuite("the rate limit of a function", { flags: FLAGS }, {
  "holds when slots are granted late, in the order of the invocations": afterBacklog,
  "counts the start of every attempt": countsRetries,
  "keeps the permit of an invocation that waits for a slot, until it ends": keepsPermits,
  "holds for invocations that waited for a slot when it was set": limitsQueued,
}, {
  "holds after a crash and the time without a server": crash,
});

async function crash({ server, client }: Stage<TestServer>): Promise<void> {
  const id = await client.deploy(CODE);
  await settings(client, id, {
    rateLimit: RATE,
    retryPolicy: { ...QUICK, maxAttempts: 9 },
  });
  // Two run when the server ends, and start again.
  const invocations = await starts(client, id, [
    ...numbered(2, { hangs: 1 }),
    ...numbered(8).slice(2),
  ]);
  for (const invocation of invocations.slice(0, 2)) {
    await eventually(async () =>
      (await client.invocation(id, invocation)).status === `${STATUS}RUNNING` || undefined
    );
  }
  const other = await client.deploy(CODE);
  await settings(client, other, { rateLimit: LONG });
  client.invoke(other, { n: 1 }).catch(() => {});
  await queued(client, other);
  const waiting = await start(client, other, { n: 2 });
  await waitsForRate(client, other, waiting);
  await server.stop("SIGKILL");
  await pause(PILE_UP_MS);
  await using next = await TestServer.start({ dataDir: server.dataDir });
  const again = await next.client();
  const all = await ended(again, id, invocations);
  assert.deepEqual(all.map(({ output }) => output), numbered(8));
  assert.equal(startsOf(all).length >= 10, true, "the attempts that the crash interrupted count");
  assertRate(startsOf(all), RATE.calls, PERIOD_MS);
  const { output } = await again.ended(other, waiting);
  assert.deepEqual(
    output,
    { n: 2 },
    "an invocation that the crash ended before its start had no start",
  );
}
