/** Statistics: counts of invocations by step, and the rows that are kept. */
import assert from "node:assert/strict";
import type { Store } from "../../../src/store/mod.ts";
import { classesOf, type CountedStep } from "../../../src/store/statistics.ts";
import { commitRow, functionRow, id, invocationRow, type Steps, time } from "./rows.ts";

/** Long ago: the steps are over. */
const AGO = -50_000_000;
const at = (second: number, number?: number) => id(AGO + second, number);

const [ONE, OTHER] = [id(0), id(0, 1)];
/** Its id comes after those with invocations, of which none is its. */
const IDLE = id(0, 5);
const STEPS = [0, 10, 20].map((second) => ({ from: at(second), before: at(second + 10) }));
const commitOf = (functionId: string) => functionId === ONE ? id(0, 2) : id(0, 3);
const of = (functionId: string) => ({ functionId, commitId: commitOf(functionId) });

const count = (store: Store, functionIds?: readonly string[]) =>
  store.read.statistics.counted({ steps: STEPS, functionIds });

/** Invocations of each step, in all and by function. */
const callsOf = (counted: readonly CountedStep[]) =>
  counted.map(({ all, byFunction }) => [
    all.reduce((sum, { calls }) => sum + calls, 0),
    byFunction.reduce((sum, { functionId, calls }) => sum + (functionId === ONE ? calls : 0), 0),
  ]);

export const STATISTICS: Steps = {
  "invocations are counted by step and function, with words, durations and processor time": async (
    store,
  ) => {
    await store.write(async (tx) => {
      await tx.functions.insert(functionRow({ id: IDLE }));
      for (const functionId of [ONE, OTHER]) {
        await tx.functions.insert(functionRow({ id: functionId }));
        await tx.commits.insert(commitRow({ id: commitOf(functionId), functionId }), [
          { commitId: commitOf(functionId), path: "main.ts", digest: null, size: 1 },
        ]);
      }
      const success = { status: "SUCCESS", durationMicros: 1000, cpuMicros: 5 } as const;
      const failure = { status: "ERROR", error: "TIMEOUT: 1s", durationMicros: 2000 } as const;
      const skipped = { status: "ERROR", error: "CANCELLED: x", skipReason: "OVERLAP" } as const;
      for (
        const row of [
          invocationRow({ ...of(ONE), id: at(0), ...success }),
          invocationRow({ ...of(ONE), id: at(9), ...success, failedAnswer: 1 }),
          invocationRow({ ...of(OTHER), id: at(1), ...success }),
          invocationRow({ ...of(ONE), id: at(2), ...failure }),
          invocationRow({ ...of(ONE), id: at(3), ...skipped }),
          invocationRow({
            ...of(ONE),
            id: at(11),
            status: "RUNNING",
            attempt: 1,
            createdAt: time(7),
          }),
          invocationRow({ ...of(OTHER), id: at(30), ...success, createdAt: time(8) }),
        ]
      ) tx.invocations.insert(row);
    });
    const counted = await count(store);
    assert.deepEqual(callsOf(counted), [[4, 3], [1, 1], [0, 0]]);
    const [{ all, byFunction } = { all: [], byFunction: [] }] = counted;
    assert.deepEqual(
      all.map(({ errorCode, calls, cpuMicros }) => [errorCode, calls, cpuMicros]).sort(),
      [
        [null, 2, 10],
        ["TIMEOUT", 1, 0],
        ["HTTP_5XX", 1, 5],
      ].sort(),
    );
    const durations = byFunction.map((row) => [...classesOf(row.durations)]);
    const classes = durations.flat().map(([number]) => number);
    assert.deepEqual([durations.length, new Set(classes).size], [4, 2]);
    assert.deepEqual(
      all.map(({ durations }) => [...classesOf(durations)].map(([, calls]) => calls)).sort(),
      [[1], [1], [2]],
    );
    assert.deepEqual(callsOf(await count(store, [ONE])), [[3, 3], [1, 1], [0, 0]]);
    assert.deepEqual(callsOf(await count(store, [OTHER])), [[1, 0], [0, 0], [0, 0]]);
  },

  "the newest invocation of a function is found, whenever it was": async (store) => {
    const newest = await store.read.statistics.newest([ONE, OTHER, IDLE, id(0, 9)]);
    assert.deepEqual(newest, new Map([[ONE, time(7)], [OTHER, time(8)]]));
    assert.deepEqual(await store.read.statistics.newest([]), new Map());
  },

  "a step that is over is counted once": async (store) => {
    for (const functionIds of [undefined, [ONE]]) {
      const [before, after] = [await count(store, functionIds), await count(store, functionIds)];
      for (const [n, step] of before.entries()) assert.equal(after[n], step);
    }
  },

  "a late end counts anew": async (store) => {
    const before = await count(store);
    await store.write(({ invocations }) => {
      const attempt = { id: at(11), owner: "node", attempt: 1 };
      const end = { status: "ERROR", code: "TIMEOUT", message: "1s" } as const;
      invocations.finish(attempt, { end }, time(2));
    });
    const after = await count(store);
    assert.deepEqual(after[1]?.all.map(({ errorCode, calls }) => [errorCode, calls]), [[
      "TIMEOUT",
      1,
    ]]);
    assert.equal(after[0], before[0]);
    assert.deepEqual((await count(store, [ONE]))[1]?.all, after[1]?.all);
  },

  "what was purged does not count any more": async (store) => {
    const ended = { functionId: ONE, before: time(1) };
    await store.write((tx) => tx.purges.eraseInvocations(ended, "", undefined));
    assert.deepEqual(callsOf(await count(store)), [[1, 0], [1, 1], [0, 0]]);
    assert.deepEqual(callsOf(await count(store, [ONE])), [[0, 0], [1, 1], [0, 0]]);
  },
};
