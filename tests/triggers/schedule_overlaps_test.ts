/** Runs of a schedule that are due while an earlier run is active. */
import assert from "node:assert/strict";
import { FakeClock } from "../faults/clock.ts";
import type { Answer, Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { TestServer } from "../support/server.ts";
import { askedInTime, createSoon, historyOf, HOUR_MS, invocationsOf, soon } from "./schedules.ts";
import { triggersOf, unique } from "./support.ts";

const SLOW = "export default () => new Promise((end) => setTimeout(end, 3_600_000));\n";
const optionsOf = ({ env }: FakeClock) => ({
  env,
  flags: ["--drain-timeout", "0s", "--invocation-timeout", "1h"],
});

Deno.test("runs of a schedule while an earlier run is active", async (t) => {
  const clock = await FakeClock.open() ?? assert.fail("libfaketime is missing");
  await using _clock = clock;
  await using server = await TestServer.start(optionsOf(clock));
  await t.step(
    "a time that waits for an earlier run is recorded when its schedule is changed",
    async () => await changeWaiting(await server.client()),
  );
  await t.step(
    "a run that goes on skips, delays or ignores the next times",
    () => overlaps(server, clock),
  );
});

async function overlaps(server: TestServer, clock: FakeClock): Promise<void> {
  const client = await server.client();
  const make = async (overlap: string) => {
    const functionId = await client.deploy(SLOW);
    const trigger = await createSoon(client, functionId, { overlap });
    const [invocation] = await eventually(async () => {
      const invocations = await invocationsOf(client, functionId);
      return invocations.length > 0 ? invocations : undefined;
    });
    const path = `${triggersOf(functionId)}/${trigger.id}`;
    await askedInTime((at) => client.call("PATCH", path, { trigger: { schedule: { at } } }));
    return { functionId, trigger, invocation };
  };
  // Its time is the earliest: it waits once the others have come.
  const queue = await make("OVERLAP_QUEUE");
  const [skip, allow] = await Promise.all(["OVERLAP_SKIP", "OVERLAP_ALLOW"].map(make));
  assert.ok(skip && allow);
  const skipped = await eventually(async () =>
    (await invocationsOf(client, skip.functionId)).find(({ skipReason }) =>
      skipReason !== undefined
    )
  );
  assert.equal(skipped.skipReason, "SKIP_REASON_OVERLAP");
  assert.ok(skipped.error.includes(skip.invocation.id), skipped.error);
  assert.match(
    await historyOf(server, skip.functionId, clock.env),
    new RegExp(`${skipped.id}\\sERROR\\s.*\\sSKIPPED: .*${skip.invocation.id}`),
  );
  await eventually(async () =>
    (await invocationsOf(client, allow.functionId)).length === 2 ? true : undefined
  );
  assert.equal((await invocationsOf(client, queue.functionId)).length, 1);
  await server.stop();

  // A time that waits has not been missed, however long the server was away.
  await clock.set(HOUR_MS / 1000);
  await using later = await TestServer.start({ dataDir: server.dataDir, ...optionsOf(clock) });
  const ahead = await later.client();
  // The server takes due times in their order: it has looked at the one that waits.
  const last = `${triggersOf(allow.functionId)}/${allow.trigger.id}`;
  await askedInTime((at) => {
    const time = new Date(Date.parse(at) + HOUR_MS).toISOString();
    return ahead.call("PATCH", last, { trigger: { schedule: { at: time } } });
  });
  await eventually(async () =>
    (await invocationsOf(ahead, allow.functionId)).length === 3 ? true : undefined
  );
  // It looks again soon, also if the clock is set back meanwhile.
  await clock.set(0);
  // A token from the future is not valid.
  const again = await later.client();
  const path = `/api/v1/functions/${queue.functionId}/invocations/${queue.invocation.id}/cancel`;
  ok(await again.post(path, {}));
  const [, second] = await eventually(async () => {
    const invocations = await invocationsOf(again, queue.functionId);
    return invocations.length === 2 ? invocations : undefined;
  });
  assert.equal(second.skipReason, undefined, second.error);
}

async function changeWaiting(client: Client): Promise<void> {
  /** A schedule whose second time waits for the run of its first one. */
  const waiting = async () => {
    const functionId = await client.deploy(SLOW);
    const trigger = await createSoon(client, functionId, { overlap: "OVERLAP_QUEUE" });
    const path = `${triggersOf(functionId)}/${trigger.id}`;
    await eventually(async () => (await invocationsOf(client, functionId))[0]);
    const { schedule: { at } } = await askedInTime((at) =>
      client.call("PATCH", path, { trigger: { schedule: { at } } })
    );
    await eventually(() => soon(-500) > at || undefined, "the time that waits");
    return { functionId, trigger, path, at };
  };
  type Waiting = Awaited<ReturnType<typeof waiting>>;
  const changes: Record<string, (of: Waiting) => Promise<Answer<Json>>> = {
    paused: ({ path }) => client.call("PATCH", path, { trigger: { paused: true } }),
    edited: ({ path }) =>
      client.call("PATCH", path, { trigger: { schedule: { at: soon(HOUR_MS) } } }),
    deleted: ({ path }) => client.call("DELETE", path, {}),
  };
  const apply = (of: Waiting, change: Json) =>
    client.post(`${triggersOf(of.functionId)}/apply`, {
      changes: [{ id: of.trigger.id, ...change }],
    });
  for (
    const [change, make] of [
      ...Object.entries(changes),
      ["paused", (of) => apply(of, { trigger: { paused: true }, updateMask: "paused" })],
      ["deleted", (of) => apply(of, {})],
    ] as const satisfies readonly (readonly [string, (of: Waiting) => Promise<Answer<Json>>])[]
  ) {
    const of = await waiting();
    // A name does not change its times: the one that waits still does.
    ok(await client.call("PATCH", of.path, { trigger: { displayName: unique("renamed") } }));
    assert.equal((await invocationsOf(client, of.functionId)).length, 1);
    ok(await make(of));
    const [running, skipped, ...others] = await invocationsOf(client, of.functionId);
    assert.deepEqual([running?.skipReason, others], [undefined, []]);
    assert.equal(skipped?.skipReason, "SKIP_REASON_SCHEDULE_CHANGED");
    assert.deepEqual(skipped?.trigger, { kind: "TRIGGER_KIND_SCHEDULE", id: of.trigger.id });
    assert.match(
      skipped?.error,
      new RegExp(`^SKIPPED: the time ${of.at} had come .* when the schedule was ${change}$`),
    );
    if (change === "deleted") continue;
    const { lastRun } = ok(await client.get(of.path)).trigger;
    assert.deepEqual(lastRun, { time: of.at, invocationId: skipped?.id });
    // A later change finds nothing that waits.
    ok(await client.call("PATCH", of.path, { trigger: { paused: true } }));
    ok(await client.call("PATCH", of.path, { trigger: { paused: false } }));
    assert.equal((await invocationsOf(client, of.functionId)).length, 2);
  }
}
