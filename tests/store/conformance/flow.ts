/** What bounds the starts of calls. */
import assert from "node:assert/strict";
import { commitRow, functionRow, id, invocationRow, type Steps, time } from "./rows.ts";

const FUNCTION = id(0);
const COMMIT = id(0, 1);

export const FLOW: Steps = {
  "the start that a number of starts follow is found": async (store) => {
    await store.write(async ({ flow }) => {
      assert.equal(await flow.rateSlot(FUNCTION, 1), undefined);
      for (const second of [1, 2, 2, 3]) {
        await flow.addRateSlot(FUNCTION, id(second, second), time(second), time(0));
      }
      await flow.addRateSlot(id(9), id(9), time(9), time(0));
      assert.equal(await flow.rateSlot(FUNCTION, 1), time(3));
      assert.equal(await flow.rateSlot(FUNCTION, 3), time(1), "one is noted once");
      assert.equal(await flow.rateSlot(FUNCTION, 4), undefined);
      await flow.addRateSlot(FUNCTION, id(4), time(4), time(3));
      assert.equal(await flow.rateSlot(FUNCTION, 2), time(3));
      assert.equal(await flow.rateSlot(FUNCTION, 3), undefined);
    });
  },

  "runs are counted in buckets": async (store) => {
    await store.write(async ({ flow }) => {
      for (const bucket of ["2026-01-01T10", "2026-01-01T11", "2026-01-01T11"]) {
        await flow.addRun(FUNCTION, bucket, "2026-01-01T09");
      }
      assert.equal(await flow.runsAfter(FUNCTION, "2026-01-01T09"), 3);
      assert.equal(await flow.runsAfter(FUNCTION, "2026-01-01T10"), 2);
      assert.equal(await flow.runsAfter(id(9), ""), 0);
      await flow.addRun(FUNCTION, "2026-01-01T12", "2026-01-01T11");
      assert.equal(await flow.runsAfter(FUNCTION, ""), 1);
      await flow.forgetRuns(FUNCTION);
      assert.equal(await flow.runsAfter(FUNCTION, ""), 0);
    });
  },

  "calls with a key count unless they wait for their time": async (store) => {
    await store.write(async (tx) => {
      await tx.functions.insert(functionRow({ id: FUNCTION }));
      await tx.commits.insert(commitRow({ id: COMMIT, functionId: FUNCTION }), [
        { commitId: COMMIT, path: "main.ts", digest: null, size: 1 },
      ]);
      for (const [second, status] of [[1, "RUNNING"], [2, "PENDING"], [3, "SUCCESS"]] as const) {
        await tx.invocations.insert(invocationRow({
          id: id(second),
          functionId: FUNCTION,
          commitId: COMMIT,
          status,
          owner: null,
          concurrencyKey: '"k"',
        }));
      }
      assert.equal(await tx.flow.countActive(FUNCTION, '"k"'), 2);
      assert.equal(await tx.flow.countActive(FUNCTION, '"l"'), 0);
      await tx.delays.insert({
        invocationId: id(2),
        functionId: FUNCTION,
        dueAt: time(5),
        reason: "debounce",
        key: "d",
        since: time(1),
      });
      assert.equal(await tx.flow.countActive(FUNCTION, '"k"'), 1);
      assert.equal(await tx.delays.count(FUNCTION, 10), 1);
    });
    assert.equal((await store.read.invocations.row(id(2)))?.notBefore, time(5));
  },

  "a call that waits is found by its key, postponed, hurried and skipped": async (store) => {
    await store.write(async ({ delays }) => {
      assert.equal((await delays.debounced(FUNCTION, "d"))?.invocationId, id(2));
      assert.equal(await delays.debounced(FUNCTION, "e"), undefined);
      await delays.postpone(id(2), { dueAt: time(50), reason: "concurrency", key: '"k"' });
      await delays.hurry(FUNCTION, '"other"', time(6));
      assert.deepEqual(await delays.due(time(6), 10), []);
      await delays.hurry(FUNCTION, '"k"', time(6));
      assert.equal((await delays.due(time(6), 10)).length, 1);
      await delays.postpone(id(2), { dueAt: time(50), reason: "circuit-breaker", key: null });
      assert.deepEqual(await delays.paused(FUNCTION), [id(2)]);
      await delays.skip(id(2), "CIRCUIT_BREAKER", "it was cancelled", time(7));
      assert.equal(await delays.get(id(2)), undefined);
    });
    const row = await store.read.invocations.row(id(2));
    assert.deepEqual(
      [row?.status, row?.error, row?.skipReason, row?.updatedAt],
      ["ERROR", "SKIPPED: it was cancelled", "CIRCUIT_BREAKER", time(7)],
    );
  },
};
