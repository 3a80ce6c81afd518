/** Limits of the starts of invocations. */
import assert from "node:assert/strict";
import { COMMIT, FUNCTION, id, insertFunction, invocationRow, type Steps, time } from "./rows.ts";

export const FLOW: Steps = {
  "permits of a rate limit are held until a period after the start": async (store) => {
    const permit = (second: number, attempt = 1) => (
      { functionId: FUNCTION, invocationId: id(second), attempt }
    );
    const hour = 3_600_000;
    const counts = async () =>
      await store.write(async ({ flow }) => {
        const { held, started } = await flow.permitsAt(FUNCTION, hour);
        return [held, started];
      });
    assert.deepEqual(await counts(), [0, 0]);
    await store.write(async ({ flow }) => {
      const { now } = await flow.permitsAt(FUNCTION, hour);
      assert.match(now, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const at = (ms: number) => new Date(Date.parse(now) + ms).toISOString();
      await flow.holdPermit(permit(1));
      await flow.holdPermit(permit(1));
      await flow.holdPermit(permit(2), at(-hour / 2));
      await flow.holdPermit(permit(2, 2), at(-hour / 3));
      await flow.holdPermit(permit(3), at(-2 * hour));
      await flow.holdPermit({ ...permit(9), functionId: id(9) }, now);
      const held = [permit(1), permit(2), permit(4)].map((each) => flow.permitOf(each));
      assert.deepEqual(await Promise.all(held), ["reserved", "started", "none"]);
    });
    assert.deepEqual(await counts(), [3, 2], "a start before the period is forgotten");
    await store.write(async ({ flow }) => {
      const first = await flow.permitStart(FUNCTION, 0);
      assert.ok(first !== undefined && first < (await flow.permitStart(FUNCTION, 1) ?? ""));
      assert.equal(await flow.permitStart(FUNCTION, 2), undefined, "it has not started");
      // The clock of the database was set back.
      const later = new Date(Date.now() + 9 * hour).toISOString();
      await flow.holdPermit(permit(2), later);
      await flow.holdPermit(permit(2, 2), later);
    });
    assert.deepEqual(await counts(), [3, 2]);
    await store.write(async ({ flow }) => {
      const { now } = await flow.permitsAt(FUNCTION, hour);
      assert.ok((await flow.permitStart(FUNCTION, 1) ?? "") <= now, "no start is later than now");
      assert.equal(await flow.freePermit(FUNCTION, id(2)), false, "it has started");
      assert.equal(await flow.freeEnded(FUNCTION), 1, "no such invocation waits");
      await flow.holdPermit(permit(1));
      assert.equal(await flow.freePermit(FUNCTION, id(1)), true);
      assert.equal(await flow.freePermit(FUNCTION, id(1)), false);
    });
    assert.deepEqual(await counts(), [2, 2]);
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

  "invocations with a key count unless they wait for their time": async (store) => {
    await store.write(async (tx) => {
      await insertFunction(tx);
      for (const [second, status] of [[1, "RUNNING"], [2, "PENDING"], [3, "SUCCESS"]] as const) {
        tx.invocations.insert(invocationRow({
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
      await tx.flow.holdPermit({ functionId: FUNCTION, invocationId: id(2), attempt: 1 });
      assert.equal(await tx.flow.freeEnded(FUNCTION), 0, "it may start");
      await tx.flow.freePermit(FUNCTION, id(2));
    });
    assert.equal((await store.read.invocations.row(id(2)))?.notBefore, time(5));
  },

  "invocations wait in a line": async (store) => {
    await store.write(async ({ delays }) => {
      const wait = { functionId: FUNCTION, reason: "rate-limit", key: null } as const;
      await delays.postpone(id(2), { ...wait, dueAt: time(50), since: time(4) });
      await delays.insert({ ...wait, invocationId: id(1), dueAt: time(40), since: time(5) });
      assert.equal((await delays.firstInLine(FUNCTION, 1))[0]?.invocationId, id(2));
      assert.equal(await delays.countLine(FUNCTION), 2);
      await delays.wakeLine(FUNCTION, time(6));
      assert.deepEqual(await delays.overdueInLine(FUNCTION, time(6), 9), [id(2)]);
      await delays.delayOverdue(FUNCTION, time(40), time(60));
      assert.deepEqual(await delays.overdueInLine(FUNCTION, time(59), 9), []);
      await delays.release(FUNCTION, "rate-limit", time(6));
      assert.deepEqual(await delays.firstInLine(FUNCTION, 9), []);
      const released = await delays.due(time(6), 9);
      assert.deepEqual(released.map(({ reason, since }) => [reason, since]), [
        ["released", time(5)],
        ["released", time(4)],
      ]);
      await delays.end(id(1), null, time(7));
      await delays.postpone(id(2), { dueAt: time(5), reason: "debounce", key: "d" });
    });
  },

  "an invocation that waits is found by its key, postponed, woken and skipped": async (store) => {
    await store.write(async ({ delays }) => {
      assert.equal((await delays.debounced(FUNCTION, "d"))?.invocationId, id(2));
      assert.equal(await delays.debounced(FUNCTION, "e"), undefined);
      await delays.postpone(id(2), { dueAt: time(50), reason: "concurrency", key: '"k"' });
      await delays.wake(FUNCTION, '"other"', time(6));
      assert.deepEqual(await delays.due(time(6), 10), []);
      await delays.wake(FUNCTION, '"k"', time(6));
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
