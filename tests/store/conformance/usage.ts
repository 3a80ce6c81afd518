/** Usage: sums that a transaction adds to, groups and their pages, and the erasure of old days. */
import assert from "node:assert/strict";
import type { Store } from "../../../src/store/mod.ts";
import type { UsageDimension, UsageFilter } from "../../../src/store/usage.ts";
import type { UsageSums } from "../../../src/store/usage_tables.ts";
import { functionRow, id, type Steps, time } from "./rows.ts";

/** The sums of no usage. */
export const NO_USAGE: UsageSums = {
  invocations: 0,
  errors: 0,
  attempts: 0,
  cpuMicros: 0,
  wallMicros: 0,
  memoryMibMillis: 0,
  egressBytes: 0,
  volumeBytes: 0,
};
const ALL: UsageFilter = {
  from: "2026-01-01",
  to: "2026-12-31",
  functionIds: undefined,
  principalId: undefined,
};
const PAGE = { size: 100, after: undefined };
/** Usage of a day that a sweep erases a few rows at a time. */
const OLD_ROWS = 7;

const used = (day: string, functionId: string, principalId: string, sums: Partial<UsageSums>) => ({
  day,
  functionId,
  principalId,
  ...NO_USAGE,
  ...sums,
});

/** Every group, in pages of a size. */
async function allOf(store: Store, by: readonly UsageDimension[], size: number) {
  const groups = [];
  let after: string | undefined;
  for (;;) {
    const page = await store.read.usage.groups(ALL, by, { size, after });
    groups.push(...page.rows);
    if (page.next === undefined) return groups;
    after = page.next;
  }
}

const memoryBy = async (store: Store, by: readonly UsageDimension[], size = 2) =>
  (await allOf(store, by, size)).map(({ day, functionId, principalId, memoryMibMillis }) =>
    [day, functionId, principalId, memoryMibMillis].filter((each) => each !== undefined).join(" ")
  );

export const USAGE: Steps = {
  "usage of the same day, function and principal adds up": async (store) => {
    const each = { attempts: 1, cpuMicros: 5, wallMicros: 7, egressBytes: 3, volumeBytes: 2 };
    await store.write((tx) => {
      tx.usage.add(used("2026-01-31", "f", "a", { ...each, invocations: 1, memoryMibMillis: 10 }));
      tx.usage.add(used("2026-01-31", "f", "a", { ...each, errors: 1, memoryMibMillis: 20 }));
      return Promise.resolve();
    });
    await store.write((tx) => {
      tx.usage.add(used("2026-02-01", "f", "b", { memoryMibMillis: 40 }));
      tx.usage.add(used("2026-02-01", "g", "a", { memoryMibMillis: 80 }));
      // More than 2^31, and the greatest sum that is exact.
      tx.usage.add(
        used("2026-03-01", "h", "b", { memoryMibMillis: Number.MAX_SAFE_INTEGER - 150 }),
      );
      return Promise.resolve();
    });
    const { rows: [first] } = await store.read.usage.groups(ALL, ["day", "function"], PAGE);
    assert.deepEqual(first, {
      day: "2026-01-31",
      functionId: "f",
      invocations: 1,
      errors: 1,
      attempts: 2,
      cpuMicros: 10,
      wallMicros: 14,
      memoryMibMillis: 30,
      egressBytes: 6,
      volumeBytes: 4,
    });
    const { memoryMibMillis, attempts } = await store.read.usage.total(ALL);
    assert.deepEqual([memoryMibMillis, attempts], [Number.MAX_SAFE_INTEGER, 2]);
  },
  "groups by day come in the order of days, and other groups by their memory time": async (
    store,
  ) => {
    const most = Number.MAX_SAFE_INTEGER - 150;
    assert.deepEqual(await memoryBy(store, ["function"]), [`h ${most}`, "g 80", "f 70"]);
    assert.deepEqual(await memoryBy(store, ["principal"]), [`b ${most + 40}`, "a 110"]);
    assert.deepEqual(await memoryBy(store, ["day"]), [
      "2026-01-31 30",
      "2026-02-01 120",
      `2026-03-01 ${most}`,
    ]);
    const all = [
      "2026-01-31 f a 30",
      "2026-02-01 f b 40",
      "2026-02-01 g a 80",
      `2026-03-01 h b ${most}`,
    ];
    assert.deepEqual(await memoryBy(store, ["principal", "function", "day"], 1), all);
    assert.deepEqual(await memoryBy(store, ["day", "function", "principal"], 3), all);
    // The same memory time in several groups: each comes once.
    await store.write((tx) => {
      for (const name of ["k", "l", "m"]) {
        tx.usage.add(used("2026-02-02", name, "a", { memoryMibMillis: 80 }));
      }
      return Promise.resolve();
    });
    assert.deepEqual(
      await memoryBy(store, ["function"], 1),
      [`h ${most}`, "g 80", "k 80", "l 80", "m 80", "f 70"],
    );
  },
  "filters count days, functions and a principal": async (store) => {
    const sumOf = async (filter: Partial<UsageFilter>) =>
      (await store.read.usage.total({ ...ALL, ...filter })).memoryMibMillis;
    assert.equal(await sumOf({ to: "2026-01-31" }), 30);
    assert.equal(await sumOf({ from: "2026-02-01", to: "2026-02-01" }), 120);
    assert.equal(await sumOf({ functionIds: ["f", "g"] }), 150);
    assert.equal(await sumOf({ functionIds: [] }), 0);
    assert.equal(await sumOf({ functionIds: ["f"], principalId: "b" }), 40);
    assert.deepEqual(await store.read.usage.total({ ...ALL, from: "2026-12-01" }), NO_USAGE);
  },
  "usage that a failed transaction added does not count, and broken usage fails its transaction":
    async (store) => {
      const february = { ...ALL, from: "2026-02-01", to: "2026-02-28" };
      const before = await store.read.usage.total(february);
      const writes = [
        store.write((tx) => {
          tx.usage.add(used("2026-02-01", "f", "a", { cpuMicros: 1 }));
          return Promise.resolve("kept");
        }),
        store.write((tx) => {
          tx.usage.add(used("2026-02-01", "f", "a", { cpuMicros: 10 }));
          return Promise.reject(new Error("no"));
        }),
        store.write(async (tx) => {
          await tx.functions.insert(functionRow({ id: id(0, 900), createdAt: time(0) }));
          tx.usage.add(used(null as unknown as string, "f", "a", { cpuMicros: 100 }));
        }),
        store.write((tx) => {
          tx.usage.add(used("2026-02-01", "f", "a", { cpuMicros: 1000 }));
          return Promise.resolve("kept as well");
        }),
        store.write((tx) => {
          tx.usage.add(used(null as unknown as string, "f", "a", { cpuMicros: 100 }));
          return Promise.reject(new Error("no"));
        }),
        store.write(async (tx) => {
          const row = functionRow({ id: id(0, 901), createdAt: time(0) });
          for (let n = 0; n < 2; n++) await tx.functions.insert(row);
        }),
      ];
      const [kept, thrown, broken, other, , twice] = await Promise.allSettled(writes);
      assert.deepEqual([kept, other].map((each) => each?.status), ["fulfilled", "fulfilled"]);
      assert.match(String((thrown as PromiseRejectedResult).reason), /Error: no$/);
      assert.match(String((broken as PromiseRejectedResult).reason), /null/i);
      const ofItself = "no write fails with what failed in another one";
      assert.match(String((twice as PromiseRejectedResult).reason), /unique/i, ofItself);
      assert.equal(await store.read.functions.get(id(0, 900)), undefined);
      // Alone in its transaction, whose commit fails.
      await assert.rejects(
        store.write((tx) => {
          tx.usage.add(used(null as unknown as string, "f", "a", { cpuMicros: 100 }));
          return Promise.resolve();
        }),
        /null/i,
      );
      const after = await store.read.usage.total(february);
      assert.equal(after.cpuMicros, before.cpuMicros + 1001);
    },
  "old usage is erased in steps, by the whole day": async (store) => {
    await store.write((tx) => {
      for (let n = 0; n < OLD_ROWS; n++) {
        tx.usage.add(used("2025-01-31", `f${n}`, "a", { invocations: 1 }));
      }
      return Promise.resolve();
    });
    const before = "2025-02-01T00:00:00.000Z";
    const days = { oldest: "2025-01-31T00:00:00.000Z", newest: "2025-01-31T00:00:00.000Z" };
    const found = await store.read.expired.before("usage", before);
    assert.deepEqual(found, { count: OLD_ROWS, ...days });
    const erased = [];
    for (let n = 0; n < 3; n++) {
      erased.push(await store.write((tx) => tx.expired.erase("usage", before, 4)));
    }
    assert.deepEqual(erased, [4, 3, 0]);
    assert.equal((await allOf(store, ["day"], 10)).at(0)?.day, "2026-01-31");
  },
};
