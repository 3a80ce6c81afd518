/** Alerts, and how their posts go. */
import assert from "node:assert/strict";
import type { AlertPostRow, AlertRow } from "../../../src/store/alerts.ts";
import { id, type Steps, time } from "./rows.ts";

function row(second: number, change: Partial<AlertRow> = {}): AlertRow {
  return {
    id: id(second),
    name: "InvokedSchedulesLate",
    subject: String(second),
    labels: "{}",
    summary: "1 schedule is late",
    state: "FIRING",
    checks: 0,
    startsAt: time(second),
    calmSince: null,
    endsAt: null,
    checkedAt: time(second),
    isPosted: 0,
    ...change,
  };
}

const ENDED = { state: "ENDED", endsAt: time(9) } as const;

export const ALERTS: Steps = {
  "a condition has one alert at a time about one subject": async (store) => {
    await store.write((tx) => tx.alerts.insert(row(1)));
    const again = { ...row(2), subject: "1" };
    await assert.rejects(store.write((tx) => tx.alerts.insert(again)));
    await store.write((tx) => tx.alerts.update(id(1), ENDED));
    await store.write((tx) => tx.alerts.insert(again));
    assert.deepEqual(await store.read.alerts.open(), [again]);
  },

  "beginnings and ends are posted, but not what is pending": async (store) => {
    await store.write(async ({ alerts }) => {
      await alerts.insert(row(3, { state: "PENDING" }));
      await alerts.insert(row(4, { isPosted: 1 }));
    });
    const { alerts } = store.read;
    const unposted = await alerts.unposted(10);
    assert.deepEqual(unposted.map((one) => one.id), [id(1), id(2)]);
    assert.equal(await alerts.countUnposted(), 2);
    assert.deepEqual(await alerts.unposted(1), [{ ...row(1), ...ENDED }]);
    assert.deepEqual((await alerts.firing()).map((one) => one.id), [id(2), id(4)]);
  },

  "one node begins an attempt": async (store) => {
    const before = await store.read.alerts.posts();
    assert.deepEqual(before, { attempts: 0, dueAt: "", failingSince: null, error: null });
    const begin = (posts: AlertPostRow, second: number) =>
      store.write((tx) => tx.alerts.begin(posts, time(second)));
    assert.deepEqual([await begin(before, 20), await begin(before, 30)], [true, false]);
    await store.write((tx) => tx.alerts.putPosts({ failingSince: time(1), error: "no" }));
    const failed = await store.read.alerts.posts();
    assert.deepEqual(failed, { attempts: 1, dueAt: time(20), failingSince: time(1), error: "no" });
    assert.deepEqual([await begin(failed, 40), await begin(failed, 50)], [true, false]);
  },

  "what was posted stays so, and an end that came meanwhile is posted": async (store) => {
    const rows = await store.read.alerts.unposted(10);
    await store.write((tx) => tx.alerts.update(id(2), ENDED));
    await store.write((tx) => tx.alerts.posted(rows));
    const [left, ...more] = await store.read.alerts.unposted(10);
    assert.deepEqual([left?.id, left?.state, left?.isPosted, more], [id(2), "ENDED", 1, []]);
    const { attempts, failingSince } = await store.read.alerts.posts();
    assert.deepEqual([attempts, failingSince], [0, null]);
  },

  "ends are given up by their time": async (store) => {
    const deleted = (before?: string) => store.write((tx) => tx.alerts.deleteEnded(before));
    assert.deepEqual([await deleted(time(9)), await deleted(time(10)), await deleted()], [0, 1, 0]);
    assert.deepEqual((await store.read.alerts.open()).map((one) => one.id), [id(3), id(4)]);
  },
};
