/** Schedules of a server whose clock jumps, that is killed, or that has many of them. */
import assert from "node:assert/strict";
import { atOnce } from "../support/at_once.ts";
import type { Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertInvalid, ok } from "../support/expect.ts";
import { FakeClock } from "../faults/clock.ts";
import { makeDataDir, TestServer } from "../support/server.ts";
import { removeDirectory } from "../support/invoked.ts";
import { IS_LONG } from "../support/seed.ts";
import { sharedSuite } from "../support/suite.ts";
import {
  createSoon,
  endedInvocations,
  historyOf,
  HOUR_MS,
  invocationsOf,
  soon,
} from "./schedules.ts";
import { createTrigger, createWebhook, ECHO, triggersOf, updateTrigger } from "./support.ts";

/** Writes the id of its trigger to its volume. */
const WRITER = `import { vfs } from "@c1/functions-sdk";
export default async (_input, { trigger }) => {
  await vfs.writeTextFile("/id.txt", trigger.id);
  return {};
};`;

const SOME_SCHEDULE = { schedule: { cronSpec: "0 0 1 1 *" } };
/** Schedules of one minute. */
const MANY = IS_LONG ? 1000 : 100;
/** Schedules that come while servers are killed. */
const OVER_RESTARTS = IS_LONG ? 500 : 60;

/** How long many invocations may take to start. */
const MANY_PATIENCE_MS = 300_000;

/** The times that invocations were made for, in short. */
function timesOf(invocations: readonly Json[]): string[] {
  return invocations.map(({ notBefore }) => notBefore.slice(5, 16).replace("T", " ")).toSorted();
}

sharedSuite("schedules", {
  "a time comes once, with its input, and the record names the trigger": async ({ client }) => {
    const functionId = await client.deploy(ECHO);
    const trigger = await createSoon(client, functionId, { input: { greeting: "hello" } });
    const { at } = trigger.schedule;
    assert.deepEqual(trigger.nextRuns, [at]);
    const [invocation] = await endedInvocations(client, functionId, 1);
    assert.deepEqual(invocation.input, { greeting: "hello" });
    assert.deepEqual(invocation.output.trigger, { kind: "schedule", id: trigger.id });
    assert.deepEqual(invocation.trigger, { kind: "TRIGGER_KIND_SCHEDULE", id: trigger.id });
    assert.equal(invocation.notBefore, at);
    assert.equal(invocation.maxAttempts, 3);
    const after = ok(await client.get(`${triggersOf(functionId)}/${trigger.id}`)).trigger;
    assert.deepEqual(after.lastRun, { time: at, invocationId: invocation.id });
    assert.deepEqual(after.nextRuns, []);
  },

  "an invocation has the volume of its schedule": async ({ client }) => {
    const functionId = await client.deploy(WRITER);
    const { volume } = ok(await client.post("/api/v1/vfs/volumes", { displayName: "times" }));
    const trigger = await createSoon(client, functionId, {}, { vfsId: volume.id });
    const [invocation] = await endedInvocations(client, functionId, 1);
    assert.deepEqual([invocation.error, invocation.vfsId], [undefined, volume.id]);
    const file = await client.get(`/api/v1/vfs/volumes/${volume.id}/files/id.txt`);
    assert.equal(file.body, trigger.id);
  },

  "a schedule runs now when asked, also while it is paused; its times stay": async ({ client }) => {
    const functionId = await client.deploy(ECHO);
    const { trigger } = await createTrigger(client, functionId, {
      paused: true,
      schedule: { cronSpec: "0 0 1 1 *", input: { a: 1 } },
    });
    const path = `${triggersOf(functionId)}/${trigger.id}/run`;
    const { invocationId } = ok(await client.post(path, {}));
    assert.deepEqual((await client.ended(functionId, invocationId)).output.input, { a: 1 });
    const webhook = await createWebhook(client, functionId, { hmac: {} });
    const wrong = await client.post(`${triggersOf(functionId)}/${webhook.trigger.id}/run`, {});
    assert.match(
      wrong.body.message,
      /^Trigger \w{27} was not run: it is not a schedule, but of kind webhook$/,
    );
    assertInvalid(wrong, "id");
  },

  "a paused schedule does not start, and one without a published commit says so": async (
    { client },
  ) => {
    const functionId = await client.deploy(ECHO);
    const paused = await createSoon(client, functionId, {}, { paused: true });
    const { function: { id: empty } } = await client.createFunction("empty");
    await eventually(() => soon(0) > paused.schedule.at || undefined, "the time of the first");
    const trigger = await createSoon(client, empty);
    const { lastRun } = await eventually(async () => {
      const found = ok(await client.get(`${triggersOf(empty)}/${trigger.id}`)).trigger;
      return found.lastRun === undefined ? undefined : found;
    });
    assert.match(lastRun.reason, /no published commit/);
    assert.deepEqual(await invocationsOf(client, functionId), []);
    assert.deepEqual((await updateTrigger(client, paused, { paused: false })).nextRuns, []);
  },
});

Deno.test("a clock that is driven through two changes and a leap day starts the right invocations", async () => {
  const start = Date.parse("2028-02-28T12:00:00Z");
  const clock = await FakeClock.open() ?? assert.fail("libfaketime is missing");
  await using _clock = clock;
  await clock.set(Math.round((start - Date.now()) / 1000));
  await using server = await TestServer.start({ env: clock.env, fresh: true });
  let client = await server.client();
  const functionId = await client.deploy(ECHO);
  // An access token is older after each jump than it may be.
  const jump = async (time: string) => {
    await clock.set(Math.round((Date.parse(time) - Date.now()) / 1000));
    client = await server.client();
    // Any change makes the server look at the clock at once.
    await createTrigger(client, functionId, { ...SOME_SCHEDULE, paused: true });
  };
  const make = async (cronSpec: string, catchUp: string) => {
    const schedule = { cronSpec, timezone: "Europe/Berlin", catchUp };
    return (await createTrigger(client, functionId, { schedule })).trigger.id;
  };
  const daily = await make("30 2 * * *", "CATCH_UP_ALL");
  const leap = await make("0 12 29 2 *", "CATCH_UP_LAST");
  const none = await make("15 * * * *", "CATCH_UP_NONE");
  const noon = await make("0 * * * *", "CATCH_UP_NONE");
  const last = await make("45 3 * * *", "CATCH_UP_LAST");

  await jump("2028-03-01T12:00:00Z");
  const first = await endedInvocations(client, functionId, 8);
  const of = (invocations: readonly Json[], id: string) =>
    invocations.filter(({ trigger }) => trigger.id === id);
  assert.deepEqual(timesOf(of(first, daily)), ["02-29 01:30", "03-01 01:30"]);
  assert.deepEqual(timesOf(of(first, leap)), ["02-29 11:00"]);
  const [caughtUp] = of(first, last).filter(({ skipReason }) => skipReason === undefined);
  assert.equal(caughtUp?.notBefore, "2028-03-01T02:45:00.000Z");
  const [left] = of(first, last).filter(({ skipReason }) => skipReason !== undefined);
  assert.match(left?.error, /^SKIPPED: the time 2028-02-29T02:45.* catchUp is CATCH_UP_LAST$/);
  const lastTime = async (id: string) =>
    ok(await client.get(`${triggersOf(functionId)}/${id}`)).trigger.lastRun.time;
  assert.equal(await lastTime(last), "2028-03-01T02:45:00.000Z");
  assert.equal(await lastTime(none), "2028-03-01T11:15:00.000Z");
  const [skipped, ...others] = of(first, none);
  assert.deepEqual(others, []);
  assert.equal(skipped.skipReason, "SKIP_REASON_CATCH_UP");
  assert.match(skipped.error, /^SKIPPED: the times from 2028-02-28T12:15.* to 2028-03-01T11:15/);
  assert.match(
    await historyOf(server, functionId, clock.env),
    new RegExp(`${skipped.id}\\sERROR\\s.*\\sSKIPPED: the times from 2028-02-28T12:15`),
  );

  // A time of the last minute was not missed.
  const [missed, kept] = of(first, noon);
  assert.match(missed?.error, /^SKIPPED: the times from 2028-02-28T13:00.* to 2028-03-01T11:00:00/);
  assert.deepEqual([kept?.skipReason, kept?.notBefore], [undefined, "2028-03-01T12:00:00.000Z"]);

  // Two hours around each change, by steps that no server misses.
  for (const id of [none, noon, last, leap]) {
    ok(await client.call("DELETE", `${triggersOf(functionId)}/${id}`, {}));
  }
  await client.call("PATCH", `${triggersOf(functionId)}/${daily}`, { trigger: { paused: true } });
  const hourly = await make("0 * * * *", "CATCH_UP_ALL");
  const changes = [
    // Spring: 02:30 does not exist, and the hour from 01:00 to 02:00 UTC is the next one.
    ["2028-03-26T00:10:00Z", "2028-03-26T02:10:00Z", ["03-26 01:00", "03-26 02:00"], "03-26 01:00"],
    // Autumn: 02:30 exists twice.
    ["2028-10-29T00:10:00Z", "2028-10-29T02:10:00Z", ["10-29 01:00", "10-29 02:00"], "10-29 00:30"],
  ] as const;
  for (const [from, to, hours, fixed] of changes) {
    const before = (await invocationsOf(client, functionId)).length;
    for (const id of [daily, hourly]) {
      await updateTrigger(client, { functionId, id }, { paused: true });
    }
    await jump(from);
    for (const id of [daily, hourly]) {
      await updateTrigger(client, { functionId, id }, { paused: false });
    }
    await jump(to);
    const invocations = (await endedInvocations(client, functionId, before + 3)).slice(before);
    assert.deepEqual(timesOf(of(invocations, hourly)), hours);
    assert.deepEqual(timesOf(of(invocations, daily)), [fixed]);
  }
});

Deno.test("times that come during restarts are run, each once", async () => {
  const dataDir = await makeDataDir();
  try {
    await using first = await TestServer.start({ dataDir, flags: ["--max-triggers", "1000"] });
    const client = await first.client();
    const functionId = await client.deploy(ECHO);
    const spanMs = IS_LONG ? 20_000 : 8_000;
    const planned = Array.from(
      { length: OVER_RESTARTS },
      (_, at) => soon(spanMs + spanMs * at / OVER_RESTARTS),
    );
    await Promise.all(
      planned.map((at) => createTrigger(client, functionId, { schedule: { at, input: { at } } })),
    );
    await eventually(async () =>
      (await invocationsOf(client, functionId)).length >= 10 ? true : undefined
    );
    await first.stop("SIGKILL");
    await using second = await TestServer.start({ dataDir });
    const again = await second.client();
    await eventually(async () =>
      (await invocationsOf(again, functionId)).length >= 20 ? true : undefined
    );
    await second.stop("SIGKILL");
    await using third = await TestServer.start({ dataDir });
    const invocations = await endedInvocations(await third.client(), functionId, planned.length);
    assert.deepEqual(invocations.map(({ input }) => input.at).toSorted(), planned.toSorted());
    assert.deepEqual(
      new Set(invocations.map(({ status }) => status)),
      new Set(["FUNCTION_INVOCATION_STATUS_SUCCESS"]),
    );
  } finally {
    await removeDirectory(dataDir);
  }
});

Deno.test("many schedules of one time start, while other invocations are answered", async () => {
  const clock = await FakeClock.open() ?? assert.fail("libfaketime is missing");
  await using _clock = clock;
  await using server = await TestServer.start({
    env: clock.env,
    flags: ["--max-triggers", "1000"],
  });
  let client = await server.client();
  const [functionId, other] = [await client.deploy(ECHO), await client.deploy(ECHO)];
  const at = soon(HOUR_MS);
  for (let n = 0; n < MANY; n += 50) {
    await atOnce(50, () => createTrigger(client, functionId, { schedule: { at } }));
  }
  await clock.set(HOUR_MS / 1000);
  client = await server.client();
  // Any change makes the server look at the clock at once.
  await createTrigger(client, functionId, { ...SOME_SCHEDULE, paused: true });
  let answered = 0;
  const invocations = await eventually(
    async () => {
      ok(await client.invoke(other, {}));
      answered++;
      const found = await invocationsOf(client, functionId);
      return found.length === MANY && found.every(({ startedAt }) => startedAt) ? found : undefined;
    },
    "all invocations",
    MANY_PATIENCE_MS,
  );
  assert.ok(answered > 0);
  assert.equal(new Set(invocations.map(({ trigger }) => trigger.id)).size, MANY);
});
