/** Invocations that wait for their time, and the attempts of an invocation. */
import assert from "node:assert/strict";
import { earlierAttempts } from "../../../src/store/invocations.ts";
import {
  COMMIT,
  FUNCTION,
  GREATEST,
  id,
  insertFunction,
  invocationRow,
  type Steps,
  time,
} from "./rows.ts";

export const DELAYS: Steps = {
  "invocations are due in the order of their times": async (store) => {
    await store.write(async (tx) => {
      await insertFunction(tx);
      for (const second of [1, 2, 3]) {
        const invocationId = id(second);
        tx.invocations.insert(invocationRow({
          id: invocationId,
          functionId: FUNCTION,
          commitId: COMMIT,
          mode: "async",
          owner: null,
          notBefore: time(10 - second),
          memoryBytes: GREATEST,
        }));
        await tx.delays.insert({
          invocationId,
          functionId: FUNCTION,
          dueAt: time(10 - second),
          reason: "invoke-at",
          key: null,
          since: null,
        });
      }
    });
    const { delays, invocations } = store.read;
    assert.equal(await delays.nextDueAt(), time(7));
    assert.deepEqual(await delays.due(time(6), 10), []);
    const due = async (second: number, limit = 10) =>
      (await delays.due(time(second), limit)).map(({ invocationId }) => invocationId);
    assert.deepEqual(await due(8), [id(3), id(2)]);
    assert.deepEqual(await due(9, 1), [id(3)]);
    assert.deepEqual(await invocations.unclaimed(10), []);
  },

  "a delay ends once, and nobody claims the invocation before": async (store) => {
    const attempt = { id: id(3), owner: "node", attempt: 1 };
    await store.write(async ({ invocations, delays }) => {
      assert.equal(await invocations.claim(attempt, "worker", time(20)), false);
      assert.equal(await delays.end(id(3), null, time(20)), true);
      assert.equal(await delays.end(id(3), null, time(20)), false);
    });
    const { invocations } = store.read;
    assert.deepEqual(await invocations.unclaimed(10), [{ id: id(3) }]);
    assert.deepEqual(await invocations.nextUnclaimed(10, { maxMemoryBytes: GREATEST - 1 }), []);
    const [next, ...others] = await invocations.nextUnclaimed(10, { maxMemoryBytes: GREATEST });
    assert.deepEqual([next?.oldest, next?.running, others], [id(3), 0, []]);
    assert.deepEqual([next?.waiting, next?.memoryBytes], [1, GREATEST]);
    await store.write(async ({ invocations }) => {
      assert.equal(await invocations.claim(attempt, "worker", time(21)), true);
    });
    assert.deepEqual(await invocations.nextUnclaimed(10), []);
    const claimed = await store.read.invocations.row(id(3));
    assert.deepEqual([claimed?.startedAt, claimed?.worker], [time(21), "worker"]);
  },

  "an invocation that is cancelled is not due any more": async (store) => {
    const error = { code: "CANCELLED", message: "x" };
    await store.write(async (tx) => {
      assert.equal(await tx.invocations.endUnclaimed(id(2), error, time(22)), true);
    });
    const due = await store.read.delays.due(time(100), 10);
    assert.deepEqual(due.map(({ invocationId }) => invocationId), [id(1)]);
    assert.equal(await store.read.delays.get(id(2)), undefined);
    const { error: text, errorCode } = await store.read.invocations.row(id(2)) ?? {};
    assert.deepEqual([text, errorCode], ["CANCELLED: x", "CANCELLED"]);
  },

  "a released invocation keeps how its attempt ended": async (store) => {
    const attempt = { id: id(3), owner: "node", attempt: 1 };
    const next = { owner: "node", attempt: 1 };
    const error = { code: "UNCAUGHT", message: "x".repeat(2_000) };
    const kept = `UNCAUGHT: ${error.message}`.slice(0, 1024);
    await store.write(async ({ invocations }) => {
      const other = { ...attempt, owner: "other" };
      assert.equal(await invocations.release(other, next, time(30), error), false);
      assert.equal(await invocations.release(attempt, next, time(30), error), true);
      assert.equal(await invocations.start({ ...attempt, attempt: 2 }, time(31)), true);
      // An attempt that did not run leaves nothing.
      assert.equal(await invocations.release({ ...attempt, attempt: 2 }, next, time(32)), true);
    });
    const row = await store.read.invocations.row(id(3));
    assert.ok(row !== undefined);
    assert.deepEqual([row.status, row.startedAt, row.worker], ["PENDING", null, null]);
    assert.deepEqual(earlierAttempts(row), [
      { attempt: 1, startedAt: time(21), endedAt: time(30), error: kept },
    ]);
  },
};
