/** What every `Ownership` guarantees to the domain, over the records of a store. */
import assert from "node:assert/strict";
import type { Ownership } from "../../src/domain/ownership/contract.ts";
import { openStore, type Store } from "../../src/store/mod.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { onlyNode, shareNodes } from "../support/nodes.ts";
import { commitRow, functionRow, id, invocationRow, time } from "./conformance/rows.ts";

const FUNCTION = id(0);
const COMMIT = id(0, 1);
const WAITING = id(1);
const DELAYED = id(2);

/** Opens the ownership of a store; calls back with each invocation that is offered. */
const OPENED: Readonly<
  Record<string, (store: Store, onOffer: (id: string) => void) => Promise<Ownership>>
> = {
  "an only node": onlyNode,
  // A busy machine may lose a lease this short, which is then waited for again.
  "a node that shares its database": (store, onOffer) =>
    shareNodes(store, { leaseMs: 500, onOffer }),
};

/** Two invocations that wait without an owner, the second one for its time. */
async function insertInvocations(store: Store): Promise<void> {
  await store.write(async (tx) => {
    await tx.functions.insert(functionRow({ id: FUNCTION }));
    await tx.commits.insert(commitRow({ id: COMMIT, functionId: FUNCTION }), [
      { commitId: COMMIT, path: "main.ts", digest: null, size: 1 },
    ]);
    for (const invocation of [WAITING, DELAYED]) {
      tx.invocations.insert(invocationRow({
        id: invocation,
        functionId: FUNCTION,
        commitId: COMMIT,
        mode: "async",
        status: "PENDING",
        owner: null,
        // Invocations from the past have waited for long.
        updatedAt: "2020-01-01T00:00:00.000Z",
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
    const begun: string[] = [];
    await using ownership = await open(store, (invocation) => begun.push(invocation));
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
      assert.equal(ownership.offer(WAITING, 0), owner === null, "offered if anybody may claim it");
      assert.equal(begun.length, owner === null ? 1 : 0);
      assert.equal(ownership.countsRunning, owner === null, "counted where others may run it");
    });

    await t.step("begins invocations that ended nodes have left, but no delayed one", async () => {
      begun.length = 0;
      // A shared node leaves this to the holder of the lease.
      await eventually(async () => {
        await ownership.recoverUnclaimed(async (row) => {
          begun.push(row.id);
          assert.equal(row.owner, node.id);
          await Promise.resolve();
        });
        return begun.length > 0 || undefined;
      }, "invocations that begin");
      await ownership.recoverUnclaimed(() => assert.fail("it runs twice"));
      assert.deepEqual(begun, [WAITING]);
    });

    await t.step("knows that a delayed invocation may still end", async () => {
      assert.ok(await ownership.mayStillEnd(DELAYED));
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

    await t.step("lets a sweep prune what no node reads, in the end", async () => {
      assert.equal(await ownership.agreeOn("volume", undefined), undefined);
      for (const oldest of [7, "none"] as const) {
        const agreed = await eventually(() => ownership.agreeOn("volume", oldest), "agreement");
        assert.equal(agreed, oldest);
      }
    });
  });
}

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
