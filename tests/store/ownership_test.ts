/** What every `Ownership` guarantees to the domain, over the records of a store. */
import assert from "node:assert/strict";
import type { Ownership } from "../../src/domain/ownership/contract.ts";
import { openStore, type Store } from "../../src/store/mod.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { onlyNode, shareNodes } from "../support/nodes.ts";
import {
  COMMIT,
  commitRow,
  FUNCTION,
  functionRow,
  id,
  insertFunction,
  invocationRow,
  time,
} from "./conformance/rows.ts";

const WAITING = id(1);
const DELAYED = id(2);
/** The memory of each, by which offers differ. */
const WAITING_BYTES = 1_000_000;
const DELAYED_BYTES = 2_000_000;

/** Opens the ownership of a store; calls back with the memory of each invocation that is offered. */
const OPENED: Readonly<
  Record<string, (store: Store, onOffer: (memoryBytes?: number) => void) => Promise<Ownership>>
> = {
  "an only node": onlyNode,
  // A busy machine may lose a lease this short, which is then waited for again.
  "a node that shares its database": (store, onOffer) =>
    shareNodes(store, { leaseMs: 500, onOffer }),
};

/** Two invocations that wait without an owner, the second one for its time. */
async function insertInvocations(store: Store): Promise<void> {
  await store.write(async (tx) => {
    await insertFunction(tx);
    const invocations = [[WAITING, WAITING_BYTES], [DELAYED, DELAYED_BYTES]] as const;
    for (const [invocation, memoryBytes] of invocations) {
      tx.invocations.insert(invocationRow({
        id: invocation,
        memoryBytes,
        functionId: FUNCTION,
        commitId: COMMIT,
        mode: "async",
        status: "PENDING",
        owner: null,
      }));
    }
    await tx.delays.insert({
      invocationId: DELAYED,
      functionId: FUNCTION,
      dueAt: time(0),
      reason: "invoke-at",
      key: null,
      since: null,
    });
  });
}

for (const [title, open] of Object.entries(OPENED)) {
  Deno.test(title, async (t) => {
    await using directory = await makeTempDir();
    await using store = await openStore(directory.path);
    await insertInvocations(store);
    const begun: (number | undefined)[] = [];
    await using ownership = await open(store, (memoryBytes) => begun.push(memoryBytes));
    const { node } = ownership;

    await t.step("is live, and does the work of all nodes if there is no other one", async () => {
      assert.deepEqual((await store.read.nodes.live()).map(({ id }) => id), [node.id]);
      assert.equal(node.share, 1);
      await eventually(
        () =>
          (["housekeeping", "recovery", "schedules"] as const).every((name) => node.holds(name)) ||
          undefined,
        "every lease",
      );
      node.assertLive("Cannot call");
    });

    await t.step("owns the invocations whose callers wait, and runs or offers all others", () => {
      assert.equal(ownership.ownerOf("sync"), node.id);
      const owner = ownership.ownerOf("async");
      assert.ok(owner === null || owner === node.id);
      const row = { memoryBytes: DELAYED_BYTES };
      assert.equal(ownership.offer(row), owner === null, "offered if anybody may claim it");
      assert.deepEqual(begun, owner === null ? [DELAYED_BYTES] : []);
      assert.equal(ownership.countsRunning, owner === null, "counted where others may run it");
    });

    await t.step("passes cancellations of its own invocations to its handler", async () => {
      const asked: string[] = [];
      ownership.serve({
        claim: () => assert.fail("no worker claims"),
        cancel: (invocation) => Promise.resolve(asked.push(invocation) > 0),
      });
      assert.ok(await ownership.cancel(node.id, WAITING));
      assert.deepEqual(asked, [WAITING]);
    });

    await t.step("begins invocations that ended nodes have left, but no delayed one", async () => {
      begun.length = 0;
      // A shared node offers them again and again, from the time that it serves claims.
      await eventually(async () => {
        await ownership.recoverUnclaimed(async (row) => {
          begun.push(row.memoryBytes ?? undefined);
          assert.equal(row.owner, node.id);
          await Promise.resolve();
        });
        return begun.length > 0 || undefined;
      }, "invocations that begin");
      await ownership.recoverUnclaimed(() => assert.fail("it runs twice"));
      assert.deepEqual([...new Set(begun)], [WAITING_BYTES]);
    });

    await t.step("knows that a delayed invocation may still end", async () => {
      assert.ok(await ownership.mayStillEnd(DELAYED));
    });

    await t.step("lets a sweep prune what no node reads, in the end", async () => {
      assert.equal(await ownership.agreeOn("volume", undefined), undefined);
      for (const oldest of [7, "none"] as const) {
        const agreed = await eventually(() => ownership.agreeOn("volume", oldest), "agreement");
        assert.equal(agreed, oldest);
      }
    });
  });
}

Deno.test("functions that no process can run keep no other function from its offers", async () => {
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path);
  await store.write(async (tx) => {
    // The last function is offered after all others that it has to wait for.
    for (let n = 0; n <= 20; n++) {
      const [functionId, commitId] = [id(100 + n), id(100 + n, 1)];
      await tx.functions.insert(functionRow({ id: functionId }));
      await tx.commits.insert(commitRow({ id: commitId, functionId }), [
        { commitId, path: "main.ts", digest: null, size: 1 },
      ]);
      tx.invocations.insert(invocationRow({
        id: id(200 + n),
        functionId,
        commitId,
        memoryBytes: n === 20 ? WAITING_BYTES : DELAYED_BYTES,
        mode: "async",
        status: "PENDING",
        owner: null,
      }));
    }
  });
  const offered: (number | undefined)[] = [];
  await using ownership = await shareNodes(store, {
    leaseMs: 500,
    onOffer: (memoryBytes) => offered.push(memoryBytes),
    maxMemoryBytes: WAITING_BYTES,
  });
  ownership.serve({
    claim: () => assert.fail("no worker claims"),
    cancel: () => assert.fail("nobody cancels"),
  });
  await eventually(() => offered.length > 0 || undefined, "an offer");
  assert.deepEqual([...new Set(offered)], [WAITING_BYTES]);
});

Deno.test("a sweep keeps what another node reads", async () => {
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path);
  await using sweeper = await shareNodes(store, { leaseMs: 1_000 });
  const reading = id(3);
  await store.write(async (tx) => {
    await tx.nodes.join({ id: reading, version: "1.0.0", protocol: 1 }, 3_600_000);
    await tx.nodes.holdSnapshots(reading, [{ volumeId: "volume", version: 5 }]);
  });
  assert.equal(await eventually(() => sweeper.agreeOn("volume", 7), "agreement"), 5);
  await store.write((tx) => tx.nodes.holdSnapshots(reading, []));
  assert.equal(await eventually(() => sweeper.agreeOn("volume", 7), "agreement"), 7);
});
