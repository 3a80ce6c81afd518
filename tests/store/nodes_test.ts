/** Nodes that share one store: their leases, and what a node may record that has lost its own. */
import assert from "node:assert/strict";
import { clockOffset, clockOffsetInWords } from "../../src/domain/ownership/clocks.ts";
import type { LeaseName } from "../../src/domain/ownership/contract.ts";
import { openStore, type Store } from "../../src/store/mod.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { joinNodes, onlyNode, shareNodes } from "../support/nodes.ts";

const RECOVERY: LeaseName = "recovery";
/** No test sees the end of this lease, or a renewal that it does not ask for. */
const LEASE_MS = 600_000;

async function liveIds(store: Store): Promise<string[]> {
  return (await store.read.nodes.live()).map(({ id }) => id);
}

Deno.test("one node holds a lease, and another one gets it when that leaves", async () => {
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path);
  const first = await joinNodes(store, LEASE_MS);
  await using second = await joinNodes(store, LEASE_MS);
  assert.deepEqual(await liveIds(store), [first.id, second.id].toSorted());
  assert.deepEqual([first.holds(RECOVERY), second.holds(RECOVERY)], [true, false]);
  await first[Symbol.asyncDispose]();
  await second.heartbeat();
  assert.ok(second.holds(RECOVERY));
  assert.deepEqual(await liveIds(store), [second.id]);
});

Deno.test("a clock is wrong by what the answer of the database proves", () => {
  const cases = [
    [[100, 100, 100], 0],
    [[100, 150, 200], 0],
    // The answer came late, so the clock may be right.
    [[100, 50_000, 60_100], 0],
    [[7_200_000, 1_000, 7_200_030], 7_199_000],
    [[1_000, 91_030, 1_030], -90_000],
  ] as const;
  for (const [[before, database, after], offset] of cases) {
    assert.equal(clockOffset(before, database, after), offset);
  }
  assert.equal(clockOffsetInWords(7_200_400), "2 h ahead of the clock of the database");
  assert.equal(clockOffsetInWords(-89_999), "90 s behind the clock of the database");
});

Deno.test("a node that was taken away loses what it holds, and joins again", async () => {
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path);
  await using node = await joinNodes(store, LEASE_MS);
  let lost = 0;
  node.onLost(() => lost++);
  await store.write((tx) => tx.nodes.leave(node.id));
  await node.heartbeat();
  assert.deepEqual([lost, node.isLive], [1, true]);
  assert.deepEqual(await liveIds(store), [node.id]);
});

Deno.test("claims of workers come to a node only while it has its lease", async () => {
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path);
  const accepted: boolean[] = [];
  const onAccepts = (claims: boolean) => void accepted.push(claims);
  await using shared = await shareNodes(store, { leaseMs: LEASE_MS, onAccepts });
  await shared.node.heartbeat();
  await store.write((tx) => tx.nodes.leave(shared.node.id));
  await shared.node.heartbeat();
  assert.deepEqual(accepted, [true, false, true]);
});

Deno.test("a node that cannot renew its lease loses it by its own clock", async () => {
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path);
  const write = Promise.withResolvers<void>();
  let blocked = false;
  const slow: Store = {
    ...store,
    write: async (statements, durability) => {
      if (blocked) await write.promise;
      return await store.write(statements, durability);
    },
  };
  await using node = await joinNodes(slow, 200);
  const lost = Promise.withResolvers<void>();
  let { lease } = node;
  // A busy machine may have lost the lease already.
  await eventually(() => {
    if (!node.isLive) return undefined;
    node.onLost(lost.resolve);
    lease = node.assertLive("Not invoked");
    return blocked = true;
  }, "a live node");
  await lost.promise;
  assert.throws(() => node.assertLive("Not invoked"), { reason: "STORAGE_UNAVAILABLE" });
  assert.ok(!node.holds(RECOVERY));
  write.resolve();
  blocked = false;
  await eventually(() => Promise.resolve(node.lease.isHeld || undefined));
  assert.equal(lease.isHeld, false);
});

Deno.test("a node alone on its database replaces those before it", async () => {
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path);
  await using _earlier = await joinNodes(store, 3_600_000);
  await using alone = await onlyNode(store);
  assert.deepEqual(await liveIds(store), [alone.node.id]);
  assert.ok(alone.node.holds(RECOVERY), "it holds every lease without a row");
});
