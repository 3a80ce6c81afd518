/** Triggers, the times of schedules, and deliveries. */
import assert from "node:assert/strict";
import type { DeliveryRow } from "../../../src/store/deliveries.ts";
import type { Store } from "../../../src/store/mod.ts";
import {
  commitRow,
  deliveryRow,
  functionRow,
  id,
  invocationRow,
  type Steps,
  time,
  triggerRow,
} from "./rows.ts";

const PAGE = { size: 10, after: undefined };
const FUNCTION = id(0);
const [WEBHOOK, SCHEDULE, ENDPOINT] = [id(10), id(11), id(12)];

/** Delivers an event that starts an invocation; returns whether it was the first. */
function deliver(
  store: Store,
  row: DeliveryRow & { eventId: string },
  since: string,
): Promise<boolean> {
  return store.write((tx) => tx.deliveries.insertFirst(row, since));
}

export const TRIGGERS: Steps = {
  "a row comes back as it was written, with the bytes of its secrets": async (store) => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const rows = [
      triggerRow({ id: WEBHOOK, functionId: FUNCTION, listenerId: "l", sealedSecret: all }),
      triggerRow({ id: SCHEDULE, functionId: FUNCTION, kind: "schedule", volumeId: "v" }),
      triggerRow({ id: ENDPOINT, functionId: FUNCTION, kind: "http", slug: "s", host: "h" }),
      triggerRow({ id: id(23), functionId: FUNCTION, sealedVerifyToken: all }),
    ];
    await store.write(async (tx) => {
      await tx.functions.insert(functionRow({ id: FUNCTION }));
      for (const row of rows) await tx.triggers.insert(row);
    });
    const { sealedSecret, ...rest } = await store.read.triggers.get(WEBHOOK) ?? assert.fail();
    assert.deepEqual(Uint8Array.from(sealedSecret ?? []), all);
    assert.deepEqual({ ...rest, sealedSecret: all }, rows[0]);
    assert.equal((await store.read.triggers.at("listenerId", "l"))?.id, WEBHOOK);
    assert.equal((await store.read.triggers.at("slug", "s"))?.id, ENDPOINT);
    assert.equal((await store.read.triggers.at("host", "h"))?.id, ENDPOINT);
    assert.equal(await store.read.triggers.at("slug", "h"), undefined);
    assert.equal((await store.read.triggers.boundTo("v"))?.id, SCHEDULE);
    const sealed = await store.read.triggers.withSecrets();
    assert.deepEqual(sealed.map((row) => row.id), [WEBHOOK, id(23)]);
    assert.deepEqual(Uint8Array.from(sealed[1]?.sealedVerifyToken ?? []), all);
    await store.write((tx) => tx.triggers.delete(id(23)));
    const page = await store.read.triggers.ofFunction(FUNCTION, PAGE);
    assert.deepEqual(page.rows.map((row) => row.id), [ENDPOINT, SCHEDULE, WEBHOOK]);
    const ids = await store.read.triggers.idsOf([FUNCTION, id(1)]);
    assert.deepEqual([...ids.values()], [[WEBHOOK, SCHEDULE, ENDPOINT], []]);
  },

  "a listener, slug, host and name is that of one trigger": async (store) => {
    for (const taken of [{ listenerId: "l" }, { slug: "s" }, { host: "h" }]) {
      const row = triggerRow({ id: id(20), functionId: FUNCTION, displayName: "new", ...taken });
      await assert.rejects(store.write((tx) => tx.triggers.insert(row)), /unique/i);
    }
    const named = triggerRow({ id: id(20), functionId: FUNCTION, displayName: WEBHOOK });
    await assert.rejects(store.write((tx) => tx.triggers.insert(named)), /unique/i);
    assert.equal((await store.read.triggers.named(FUNCTION, WEBHOOK))?.id, WEBHOOK);
  },

  "a reader sees a change of a trigger that it has read before": async (store) => {
    assert.equal((await store.read.triggers.at("slug", "s"))?.paused, 0);
    await store.write((tx) => tx.triggers.update(ENDPOINT, { paused: 1, slug: "t" }));
    assert.equal((await store.read.triggers.at("slug", "t"))?.paused, 1);
    assert.equal(await store.read.triggers.at("slug", "s"), undefined);
  },

  "a scheduled time is taken once": async (store) => {
    const [first, second] = [time(60), time(120)];
    await store.write((tx) => tx.schedules.plan(SCHEDULE, first));
    assert.equal(await store.read.schedules.nextAt(), first);
    assert.deepEqual(await store.read.schedules.due(time(59), 10), []);
    const run = { lastAt: time(90), lastInvocationId: "i", lastReason: null };
    await store.write((tx) => tx.schedules.queue(SCHEDULE, time(59), time(59)));
    await store.write((tx) => tx.schedules.queue(SCHEDULE, first, first));
    const take = () =>
      store.write((tx) => tx.schedules.take(SCHEDULE, first, second, run), "committed");
    assert.deepEqual((await Promise.all([take(), take()])).toSorted(), [false, true]);
    const [due] = await store.read.schedules.due(time(120), 10);
    assert.deepEqual({ ...due }, { triggerId: SCHEDULE, nextAt: second, queuedTo: first, ...run });
    assert.deepEqual(await store.read.schedules.due(time(120), 10, [SCHEDULE]), []);
    assert.equal(await store.read.schedules.nextAt([SCHEDULE]), undefined);
    await store.write((tx) => tx.schedules.plan(SCHEDULE, null));
    assert.equal(await store.read.schedules.nextAt(), undefined);
    assert.equal((await store.read.schedules.of([SCHEDULE, "x"])).get(SCHEDULE)?.lastAt, time(90));
  },

  "a schedule finds its oldest run that has not ended": async (store) => {
    const commitId = id(21);
    const row = { functionId: FUNCTION, commitId, triggerKind: "schedule", triggerId: SCHEDULE };
    const [ended, first, second, other] = [id(22), id(23), id(24), id(21, 1)];
    await store.write(async (tx) => {
      const file = { commitId, path: "main.ts", digest: null, size: 1 };
      await tx.commits.insert(commitRow({ id: commitId, functionId: FUNCTION }), [file]);
      const rows = [{ id: ended, status: "SUCCESS" }, { id: first }, { id: second }] as const;
      for (const each of rows) {
        tx.invocations.insert(invocationRow({ ...row, ...each } as never));
      }
      const plain = { id: other, functionId: FUNCTION, commitId };
      tx.invocations.insert(invocationRow(plain));
    });
    assert.equal(await store.read.schedules.unfinishedRun(FUNCTION, SCHEDULE), first);
    assert.equal(await store.read.schedules.unfinishedRun(FUNCTION, WEBHOOK), undefined);
  },

  "an event starts one invocation, and another one only after it was forgotten": async (store) => {
    const event = { triggerId: WEBHOOK, eventId: "e" };
    const first = { ...deliveryRow({ id: id(30), ...event }), eventId: "e", receivedAt: time(30) };
    assert.equal(await deliver(store, first, time(0)), true);
    const second = { ...first, id: id(31), receivedAt: time(31) };
    assert.equal(await deliver(store, second, time(0)), false);
    assert.equal((await store.read.deliveries.ofEvent(WEBHOOK, "e", time(30)))?.id, first.id);
    assert.equal(await store.read.deliveries.ofEvent(WEBHOOK, "e", time(31)), undefined);
    assert.equal(await deliver(store, second, time(31)), true);
    const other = { ...second, id: id(32), triggerId: SCHEDULE };
    assert.equal(await deliver(store, other, time(0)), true);
    assert.equal((await store.read.deliveries.lastOf([WEBHOOK])).get(WEBHOOK)?.id, second.id);
  },

  "deliveries are listed newest first, and go with their time or their trigger": async (store) => {
    const rejected = deliveryRow({
      id: id(40),
      triggerId: WEBHOOK,
      status: "REFUSED",
      reason: "r",
    });
    await store.write((tx) => tx.deliveries.insert({ ...rejected, receivedAt: time(40) }));
    const ids = async () =>
      (await store.read.deliveries.ofTrigger(WEBHOOK, PAGE)).rows.map((row) => row.id);
    assert.deepEqual(await ids(), [id(40), id(31), id(30)]);
    const expired = (at: string) => store.read.expired.before("deliveries", at);
    assert.deepEqual(await expired(time(41)), { count: 4, oldest: time(30), newest: time(40) });
    assert.equal((await expired(time(30))).oldest, undefined);
    const erase = (at: string) => store.write((tx) => tx.expired.erase("deliveries", at, 1));
    assert.ok(await erase(time(41)) >= 1, "the oldest of several");
    assert.equal(await erase(time(31)), 0);
    assert.deepEqual(await ids(), [id(40), id(31)]);
    await store.write((tx) => tx.triggers.delete(WEBHOOK));
    assert.deepEqual(await ids(), []);
    assert.equal(await store.read.triggers.get(WEBHOOK), undefined);
  },
};
