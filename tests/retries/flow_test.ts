/** How often and how many at a time the invocations of a function start. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, assertInvalid } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import { serverSuite, type Stage } from "../support/suite.ts";
import { settings, start, STATUS } from "./support.ts";

const FLAGS = ["--queue-timeout", "2s", "--max-delayed", "5"];
const HANGING = `export default async (input) => {
  if (input.hangs) await new Promise(() => setInterval(() => {}, 1000));
  return input;
};`;

async function rates({ client }: Stage): Promise<void> {
  const id = await client.deploy(HANGING);
  await settings(client, id, { rateLimit: { calls: 2, period: "600s" } });
  for (let n = 0; n < 2; n++) assert.equal((await client.invoke(id)).status, 200);
  const answer = await client.invoke(id);
  assertError(
    answer,
    "RATE_LIMITED",
    /: the limit of 2 starts in 10 min is reached \(rateLimit\)\. Try again in /,
  );
  assert.ok(Number(answer.headers.get("retry-after")) > 0);
  const waiting = await start(client, id);
  const { status, notBefore } = await eventually(async () => {
    const found = await client.invocation(id, waiting);
    return found.notBefore === undefined ? undefined : found;
  });
  assert.deepEqual([status, notBefore > new Date().toISOString()], [`${STATUS}PENDING`, true]);
  const { body } = await client.post(`/api/v1/functions/${id}/invocations/${waiting}/cancel`);
  assert.match(body.invocation.error, /^CANCELLED: /);

  const released = await start(client, id, { n: 1 });
  const next = await eventually(async () => {
    const found = await client.invocation(id, released);
    return found.waitReason === "WAIT_REASON_RATE_LIMIT" ? found : undefined;
  });
  const laterMs = Date.parse(next.notBefore) - Date.parse(notBefore);
  assert.ok(
    laterMs < 300_000,
    `in the window of the invocation that was cancelled, not ${laterMs} ms later`,
  );
  await settings(client, id, { rateLimit: {} });
  const ended = await client.ended(id, released);
  assert.deepEqual([ended.output, ended.notBefore <= ended.startedAt], [{ n: 1 }, true]);

  const other = await client.deploy(HANGING);
  await settings(client, other, { rateLimit: { calls: 1, period: "2s" } });
  const invocations = await Promise.all([1, 2, 3, 4].map((n) => start(client, other, { n })));
  const all = await Promise.all(invocations.map((invocation) => client.ended(other, invocation)));
  assert.deepEqual(all.map((one) => one.status), Array(4).fill(`${STATUS}SUCCESS`));
  const times = all.flatMap((one) => one.notBefore ?? []).sort().map(Date.parse);
  assert.equal(times.length, 3, "all but the first were delayed");
  for (const [at, time] of times.slice(1).entries()) assert.ok(time - (times[at] ?? 0) >= 2_000);
  for (const one of all) assert.ok((one.notBefore ?? "") <= one.startedAt);
}

async function ratesAnew({ client }: Stage): Promise<void> {
  const id = await client.deploy(HANGING);
  const period = "600s";
  await settings(client, id, { rateLimit: { calls: 1, period } });
  assert.equal((await client.invoke(id)).status, 200);
  const invocations: string[] = [];
  for (let n = 0; n < 5; n++) invocations.push(await start(client, id, { n }));
  const states = async () => {
    const found = await Promise.all(
      invocations.map((invocation) => client.invocation(id, invocation)),
    );
    return found.map(({ status, waitReason, notBefore }) =>
      status === `${STATUS}SUCCESS` ? "ended" : waitReason && `${waitReason} ${notBefore}`
    );
  };
  const settled = async (ended: number) =>
    await eventually(async () => {
      const all = await states();
      const isSettled = all.every((state) => state !== undefined) &&
        all.filter((state) => state === "ended").length === ended;
      return isSettled ? all : undefined;
    }, `${ended} ended invocations, and others that wait for the limit`);
  const first = await settled(0);
  assert.equal(new Set(first).size, 5, "each has a time of its own");

  // Due invocations begin in the order of time: once this one has ended, released ones would have begun.
  const other = await client.deploy(HANGING);
  await settings(client, other, { rateLimit: { calls: 9, period } });
  const probe = async () => await client.ended(other, await start(client, other));
  await settings(client, id, { rateLimit: { calls: 1, period }, concurrencyKey: "/n" });
  const { function: whole } = (await client.get(`/api/v1/functions/${id}`)).body;
  assert.equal((await client.post("/api/v1/functions/update", { function: whole })).status, 200);
  await probe();
  assert.deepEqual(await states(), first, "an unchanged limit releases nothing");

  await settings(client, id, { rateLimit: { calls: 2, period } });
  const wider = await settled(1);
  await probe();
  assert.deepEqual(await states(), wider);
  await settings(client, id, { rateLimit: { calls: 4, period } });
  const ended = await settled(3);
  assert.equal(new Set(ended).size, 3, "two wait, each for a time of its own");
}

async function running(client: Client, id: string, invocation: string): Promise<void> {
  await eventually(async () => {
    return (await client.invocation(id, invocation)).status === `${STATUS}RUNNING` || undefined;
  });
}

async function keys({ client }: Stage): Promise<void> {
  const id = await client.deploy(HANGING);
  await settings(client, id, { concurrencyKey: "/user/id" });
  const of = (user: unknown, more = {}) => ({ user: { id: user }, ...more });
  const first = await start(client, id, of(1, { hangs: true }));
  await running(client, id, first);
  const second = await start(client, id, of(1));
  for (const input of [of(2), of("1"), {}, of(null)]) {
    assert.equal(
      (await client.ended(id, await start(client, id, input))).status,
      `${STATUS}SUCCESS`,
    );
  }
  assert.equal((await client.invoke(id, of(3))).status, 200);
  assertError(
    await client.invoke(id, of(1)),
    "CONCURRENCY_KEY_BUSY",
    /the limit of 1 invocation with this key at a time is reached \(maxConcurrencyPerKey\), and/,
  );
  const { status, waitReason } = await client.invocation(id, second);
  assert.deepEqual([status, waitReason], [`${STATUS}PENDING`, "WAIT_REASON_CONCURRENCY_KEY"]);
  const waiting = client.invoke(id, of(1));
  await client.post(`/api/v1/functions/${id}/invocations/${first}/cancel`);
  assert.equal((await client.ended(id, second)).status, `${STATUS}SUCCESS`);
  await waiting;
}

/** What waits for its key takes no start of the rate limit: else it would start at another time than that. */
async function keysBeforeRates({ client }: Stage): Promise<void> {
  const id = await client.deploy(HANGING);
  const rateLimit = { calls: 2, period: "600s" };
  await settings(client, id, { rateLimit, concurrencyKey: "/k" });
  const first = await start(client, id, { k: 1, hangs: true });
  await running(client, id, first);
  const second = await start(client, id, { k: 1 });
  const waitsFor = async (reason: string) =>
    await eventually(async () => {
      const { waitReason } = await client.invocation(id, second);
      return waitReason === `WAIT_REASON_${reason}` || undefined;
    });
  await waitsFor("CONCURRENCY_KEY");
  const other = await start(client, id, { k: 2 });
  assert.equal((await client.ended(id, other)).status, `${STATUS}SUCCESS`);
  await client.post(`/api/v1/functions/${id}/invocations/${first}/cancel`);
  await waitsFor("RATE_LIMIT");
}

async function debounces({ client, server }: Stage): Promise<void> {
  const id = await client.deploy(HANGING);
  const debounce = { key: "/doc", delay: "600s", maxDelay: "600s" };
  await settings(client, id, { debounce });
  const first = await start(client, id, { doc: 1, n: 1 });
  const { notBefore } = await client.invocation(id, first);
  const other = await start(client, id, { doc: 2 });
  const second = await start(client, id, { doc: 1, n: 2 });
  const replaced = await client.invocation(id, first);
  assert.deepEqual([replaced.status, replaced.skipReason, "attempt" in replaced], [
    `${STATUS}ERROR`,
    "SKIP_REASON_DEBOUNCED",
    false,
  ]);
  assert.match(
    replaced.error,
    /^SKIPPED: a later invocation with the same debounce key replaced it$/,
  );
  const history = await runInvoked(["history", id], { env: { INVOKED_DATA: server.dataDir } });
  assert.match(
    history.stdout,
    new RegExp(`${first}\\sERROR\\s.*\\sSKIPPED: a later invocation with`),
  );
  assert.match(history.stdout, new RegExp(`${second}\\s.*waits until .*\\(debounce\\)`));
  const last = await client.invocation(id, second);
  assert.deepEqual([last.status, last.notBefore], [`${STATUS}PENDING`, notBefore], "maxDelay");
  assert.equal((await client.invocation(id, other)).status, `${STATUS}PENDING`);
  assert.equal((await client.invoke(id, { doc: 1 })).status, 200, "an invocation that waits");

  const quick = await client.deploy(HANGING);
  await settings(client, quick, { debounce: { delay: "0.1s" } });
  const invocations = [await start(client, quick, { n: 1 }), await start(client, quick, { n: 2 })];
  const ended = await Promise.all(invocations.map((invocation) => client.ended(quick, invocation)));
  assert.deepEqual(ended.at(-1).output, { n: 2 });

  const path = `/api/v1/functions/${id}/triggers/apply`;
  await eventually(async () => {
    const at = new Date(Date.now() + 2_000).toISOString();
    const changes = [1, 2].map((n) => ({
      trigger: { displayName: `at ${n}`, schedule: { at, input: { doc: 3, n } } },
    }));
    // Once more if the time has passed when the server reads it.
    return (await client.post(path, { changes })).status === 200 ? true : undefined;
  });
  const reasons = await eventually(async () => {
    const { list } = (await client.get(`/api/v1/functions/${id}/invocations`)).body;
    const started = list.filter(({ trigger }: Json) => trigger.kind === "TRIGGER_KIND_SCHEDULE");
    const found = started.map(({ skipReason, waitReason }: Json) => skipReason ?? waitReason);
    return found.length === 2 ? found.toSorted() : undefined;
  });
  assert.deepEqual(reasons, ["SKIP_REASON_DEBOUNCED", "WAIT_REASON_DEBOUNCE"]);
}

async function breaks({ client, server }: Stage): Promise<void> {
  const id = await client.deploy(HANGING);
  await settings(client, id, {
    circuitBreakerMax: 2,
    circuitBreakerPeriod: "CIRCUIT_BREAKER_PERIOD_HOUR",
  });
  const pausedAt = async () =>
    (await client.get(`/api/v1/functions/${id}`)).body.function.circuitBreakerPausedAt;
  const trip = async () => {
    for (let n = 0; n < 2; n++) assert.equal((await client.invoke(id)).status, 200);
    assertError(
      await client.invoke(id),
      "CIRCUIT_BREAKER_PAUSED",
      /the function had its limit of 2 runs \(circuitBreakerMax\); run or cancel/,
    );
    assert.match(await pausedAt(), /^\d{4}-/);
    return await start(client, id, { waited: true });
  };
  const path = `/api/v1/functions/${id}/circuit_breaker/clear`;
  const cancelled = await trip();
  const decision = "PAUSED_EXECUTION_DECISION_CANCEL";
  await eventually(async () => {
    const { body } = await client.post(path, { decision, reason: "too much" });
    return body.count === 1 || undefined;
  });
  const skipped = await client.invocation(id, cancelled);
  assert.equal(skipped.skipReason, "SKIP_REASON_CIRCUIT_BREAKER");
  assert.match(
    skipped.error,
    /^SKIPPED: the circuit breaker was cleared with CANCEL by .*: too much$/,
  );
  assert.equal(await pausedAt(), undefined);

  const released = await trip();
  const env = { INVOKED_DATA: server.dataDir };
  await eventually(async () =>
    (await client.invocation(id, released)).waitReason === "WAIT_REASON_CIRCUIT_BREAKER" ||
    undefined
  );
  assert.match(
    (await runInvoked(["history", id], { env })).stdout,
    /paused by the circuit breaker/,
  );
  const args = ["circuit-breaker", id, "run", "--reason", "expected"];
  const { stdout, stderr } = await runInvoked(args, { env });
  assert.match(stdout, /^Released [01] invocations? of test$/m, stderr);
  assert.deepEqual((await client.ended(id, released)).output, { waited: true });
  const freed = await trip();
  await eventually(async () =>
    (await client.invocation(id, freed)).waitReason === "WAIT_REASON_CIRCUIT_BREAKER" || undefined
  );
  await settings(client, id, { circuitBreakerMax: 0 });
  assert.deepEqual((await client.ended(id, freed)).output, { waited: true });
  assert.equal(await pausedAt(), undefined, "without a breaker nothing is paused");
  for (const body of [{}, { decision: "RUN" }]) {
    assertError(await client.post(path, body), "INVALID_FIELD", /^decision: /);
  }
}

async function rejections({ client, server }: Stage): Promise<void> {
  const id = await client.deploy(HANGING);
  const violations: [Json, RegExp][] = [
    [{ concurrencyKey: "user" }, /concurrencyKey: must be a JSON Pointer such as \/user\/id/],
    [
      { maxConcurrencyPerKey: 10_001 },
      /maxConcurrencyPerKey: 10,001 invocations is not between 1 /,
    ],
    [
      { maxConcurrencyPerKey: 3 },
      /^function\.maxConcurrencyPerKey: 3 has no effect without function\.concurrencyKey; set both/,
    ],
    [{ debounce: { key: "/a" } }, /debounce\.delay: is missing/],
    [{ debounce: { delay: "5s", maxDelay: "1s" } }, /debounce\.maxDelay: is below the delay/],
    [{ debounce: { delay: "1000000s" } }, /debounce\.delay: .* is not between 10 ms and /],
    [{ rateLimit: { calls: 5 } }, /rateLimit\.period: is missing/],
    [
      { rateLimit: { calls: 10_001, period: "1s" } },
      /rateLimit\.calls: 10,001 invocations is not /,
    ],
    [{ circuitBreakerMax: -1 }, /circuitBreakerMax: must not be negative/],
    [{ circuitBreakerPeriod: "HOUR" }, /circuitBreakerPeriod: must be one of CIRCUIT_/],
  ];
  for (const [change, message] of violations) {
    const body = { function: { id, ...change }, updateMask: Object.keys(change).join(",") };
    assertError(await client.post("/api/v1/functions/update", body), "INVALID_FIELD", message);
  }
  const env = { INVOKED_DATA: server.dataDir };
  const given = [
    "concurrencyKey=/a",
    "maxConcurrencyPerKey=3",
    'rateLimit={"calls":7,"period":"1m"}',
    "circuitBreakerMax=9",
  ];
  const set = await runInvoked(["settings", "set", id, ...given], { env });
  assert.equal(set.code, 0, set.stderr);
  const { function: fn } = (await client.get(`/api/v1/functions/${id}`)).body;
  assert.deepEqual(
    [fn.concurrencyKey, fn.maxConcurrencyPerKey, fn.rateLimit, fn.circuitBreakerMax],
    ["/a", 3, { calls: 7, period: "60s" }, 9],
  );
  const cleared = { function: { id, concurrencyKey: "" }, updateMask: "concurrencyKey" };
  assertInvalid(
    await client.post("/api/v1/functions/update", cleared),
    "function.maxConcurrencyPerKey",
    /3 has no effect without/,
  );
  const at = new Date(Date.now() + 3.6e6).toISOString();
  const later = () => client.invoke(id, {}, { prefer: "respond-async", "invoke-at": at });
  for (let n = 0; n < 5; n++) assert.equal((await later()).status, 200);
  assertError(
    await later(),
    "TOO_MANY_DELAYED",
    / already has 5 scheduled invocations, the limit of one function \(--max-delayed\)$/,
  );
}

serverSuite("the invocations of a function", { flags: FLAGS }, {
  "start at a rate": rates,
  "obey a changed rate, and no other change lets them start": ratesAnew,
  "start one at a time for each concurrency key": keys,
  "wait for their key before they take a start of the rate limit": keysBeforeRates,
  "are debounced by a key": debounces,
  "pause by a circuit breaker, until they run or are cancelled": breaks,
  "have limits that are checked": rejections,
});
