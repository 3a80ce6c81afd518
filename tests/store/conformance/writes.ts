/** Transactions: groups of writes, their savepoints and what is acknowledged; nodes and their leases. */
import assert from "node:assert/strict";
import type { Store, Writers } from "../../../src/store/mod.ts";
import {
  commitRow,
  credentialRow,
  functionRow,
  id,
  PRINCIPAL,
  sessionRow,
  type Steps,
  triggerRow,
} from "./rows.ts";

function insert(store: Store, number: number, durability?: "committed" | "durable") {
  return store.write(
    (tx) => tx.functions.insert(functionRow({ id: id(number), displayName: `f${number}` })),
    durability,
  );
}

export const WRITES: Steps = {
  "of writes at the same time, those that fail undo themselves alone": async (store) => {
    await insert(store, 0);
    const results = await Promise.allSettled(Array.from({ length: 300 }, (_, at) =>
      // Every third repeats an id.
      insert(store, at % 3 === 0 ? 0 : at, at % 2 === 0 ? "committed" : "durable")));
    assert.equal(results.filter(({ status }) => status === "rejected").length, 100);
    const all = { query: "", functionTypes: [], within: "all" } as const;
    const { rows } = await store.read.functions.search(all, { size: 1000, after: undefined });
    assert.equal(rows.length, 201);
  },

  "a write that throws leaves nothing, alone or among others": async (store) => {
    const failing = (number: number) =>
      store.write(async (tx) => {
        await tx.functions.insert(functionRow({ id: id(number) }));
        throw new Error("on purpose");
      });
    await assert.rejects(failing(1000), /on purpose/);
    const [first, , second] = await Promise.allSettled([
      failing(1001),
      insert(store, 1002),
      failing(1003),
    ]);
    assert.deepEqual([first.status, second.status], ["rejected", "rejected"]);
    for (const number of [1000, 1001, 1003]) {
      assert.equal(await store.read.functions.get(id(number)), undefined);
    }
    assert.notEqual(await store.read.functions.get(id(1002)), undefined);
  },

  "a statement that fails fails its write, and the next write succeeds": async (store) => {
    await assert.rejects(insert(store, 0));
    await assert.rejects(insert(store, 0));
    await insert(store, 2000);
    assert.notEqual(await store.read.functions.get(id(2000)), undefined);
  },

  "what one write reads includes what it wrote, and what a reader sees was committed": async (
    store,
  ) => {
    await store.write(async (tx) => {
      await tx.functions.insert(functionRow({ id: id(3000) }));
      assert.notEqual(await tx.functions.get(id(3000)), undefined);
      assert.equal(await store.read.functions.get(id(3000)), undefined);
    });
    assert.notEqual(await store.read.functions.get(id(3000)), undefined);
    await insert(store, 3001, "committed");
    assert.notEqual(await store.read.functions.get(id(3001)), undefined);
  },

  "a change of a kept row is read at once, and a write that only reads drops no kept row": async (
    store,
  ) => {
    const [functionId, commitId, triggerId] = [id(4000), id(4001), id(4002)];
    await store.write(async (tx) => {
      await tx.functions.insert(functionRow({ id: functionId }));
      await tx.commits.insert(commitRow({ id: commitId, functionId }), [{
        commitId,
        path: "main.ts",
        digest: null,
        size: 0,
      }]);
      await tx.triggers.insert(triggerRow({ id: triggerId, functionId }));
      await tx.identity.insertPrincipal(PRINCIPAL);
      await tx.identity.insertCredential(credentialRow(4003));
      await tx.consoleSessions.insert(sessionRow(4004));
    });
    const { read } = store;
    const secret = new Uint8Array([1]);
    const rows: [() => Promise<object | undefined>, (tx: Writers) => Promise<unknown>][] = [
      [
        () => read.functions.get(functionId),
        (tx) => tx.functions.update(functionId, { head: "h" }),
      ],
      [
        () => read.functions.secrets(functionId),
        (tx) => tx.functions.putSecret(functionId, "S", secret),
      ],
      [
        () => read.commits.get(functionId, commitId),
        (tx) =>
          tx.commits.putTypes(commitId, {
            typeCheck: "CHECKED",
            typeDiagnostics: "[]",
            typeUnchecked: null,
          }),
      ],
      [() => read.triggers.get(triggerId), (tx) => tx.triggers.update(triggerId, { paused: 1 })],
      [
        () => read.identity.client("client4003"),
        (tx) => tx.identity.updateCredential(id(4003), { disabled: 1 }),
      ],
      [
        () => read.consoleSessions.byToken("hash4004"),
        (tx) => tx.consoleSessions.deleteByToken("hash4004"),
      ],
    ];
    for (const [get, change] of rows) {
      const kept = await get();
      await store.write(async (tx) => {
        await tx.functions.get(functionId);
        await tx.commits.get(functionId, commitId);
        await tx.triggers.get(triggerId);
        await tx.identity.client("client4003");
        await tx.consoleSessions.byToken("hash4004");
      });
      assert.equal(await get(), kept);
      const failing = store.write(async (tx) => {
        await change(tx);
        throw new Error("on purpose");
      });
      await assert.rejects(failing, /on purpose/);
      assert.deepEqual(await get(), kept);
      await store.write(change);
      assert.notDeepEqual(await get(), kept);
    }
  },

  "a lease is held by one node, until it leaves": async (store) => {
    const node = { version: "1", protocol: 1 };
    await store.write(async (tx) => {
      await tx.nodes.join({ id: "a", ...node }, 60_000);
      await tx.nodes.join({ id: "b", ...node }, undefined);
      await tx.nodes.join({ id: "c", ...node }, -1000);
      assert.equal(await tx.nodes.takeLease("work", "a", 60_000), true);
      assert.equal(await tx.nodes.takeLease("work", "b", 60_000), false);
      assert.equal(await tx.nodes.takeLease("work", "a", 60_000), true);
      assert.match(await tx.nodes.renew("a", 60_000) ?? "", /^\d{4}-\d\d-\d\dT\d\d:.*\.\d{3}Z$/);
      assert.equal(await tx.nodes.renew("c", 60_000), undefined);
      await tx.nodes.noteClock("b", -5_000_000_000);
    });
    const live = await store.read.nodes.live();
    assert.deepEqual(live.map(({ id, clockOffsetMs }) => [id, clockOffsetMs]), [
      ["a", 0],
      ["b", -5_000_000_000],
    ]);
    await store.write(async (tx) => {
      await tx.nodes.leaveWork(["work"], "b");
      assert.equal(await tx.nodes.takeLease("work", "b", 60_000), false);
      await tx.nodes.leaveWork(["other", "work"], "a");
      assert.equal(await tx.nodes.takeLease("work", "b", 60_000), true);
      await tx.nodes.leaveWork(["work"], "b");
      assert.equal(await tx.nodes.takeLease("work", "a", 60_000), true);
    });
    await store.write(async (tx) => {
      await tx.nodes.leave("a");
      assert.equal(await tx.nodes.takeLease("work", "b", -1000), true);
      assert.equal(await tx.nodes.takeLease("work", "c", 60_000), true);
      await tx.nodes.deleteExpired();
      await tx.nodes.leaveOthers("b");
    });
    assert.deepEqual((await store.read.nodes.live()).map((live) => live.id), ["b"]);
  },
};
