/** Ends of invocations on their way to destinations. */
import assert from "node:assert/strict";
import type { OutboxRow } from "../../../src/store/outbox.ts";
import { functionRow, id, type Steps, time } from "./rows.ts";

function row(second: number): OutboxRow {
  return {
    invocationId: id(second),
    functionId: id(0),
    event: "onSuccess",
    target: '{"functionId":"x"}',
    state: "PENDING",
    attempts: 0,
    dueAt: time(second),
    error: null,
    startedId: null,
    updatedAt: time(0),
  };
}

export const OUTBOX: Steps = {
  "ends are due in the order of their times": async (store) => {
    await store.write(async ({ outbox }) => {
      for (const second of [3, 1, 2]) await outbox.insert(row(second));
    });
    assert.equal(await store.read.outbox.nextDueAt(), time(1));
    const due = await store.read.outbox.due(time(2), 10);
    assert.deepEqual(due, [row(1), row(2)]);
  },

  "an attempt begins once, and delays the next": async (store) => {
    await store.write(async ({ outbox }) => {
      assert.equal(await outbox.begin(row(1), time(60), time(5)), true);
      assert.equal(await outbox.begin(row(1), time(60), time(5)), false);
    });
    assert.deepEqual(await store.read.outbox.due(time(3), 10), [row(2), row(3)]);
  },

  "what has arrived stays so": async (store) => {
    await store.write(async ({ outbox }) => {
      const arrived = { state: "DELIVERED", startedId: id(9) } as const;
      assert.equal(await outbox.update(id(1), arrived, time(6)), true);
      assert.equal(await outbox.update(id(1), { state: "FAILED" }, time(7)), false);
    });
    const found = await store.read.outbox.of(id(1));
    assert.deepEqual(
      [found?.state, found?.startedId, found?.attempts, found?.updatedAt],
      ["DELIVERED", id(9), 1, time(6)],
    );
    assert.equal(await store.read.outbox.of(id(8)), undefined);
  },

  "secrets of destinations are replaced and deleted": async (store) => {
    const sealed = (byte: number) => ({
      functionId: id(0),
      event: "onSuccess",
      sealed: new Uint8Array([byte, 0, 255]),
    });
    await store.write(async ({ functions }) => {
      await functions.insert(functionRow({ id: id(0) }));
      await functions.insert(functionRow({ id: id(5), onFailure: '{"functionId":"x"}' }));
      await functions.putDestinationSecret(sealed(1));
      await functions.putDestinationSecret(sealed(2));
    });
    const { functions } = store.read;
    const found = await functions.destinationSecret(id(0), "onSuccess");
    assert.deepEqual([...found ?? []], [2, 0, 255]);
    assert.equal((await functions.destinationSecrets()).length, 1);
    assert.equal(await functions.withDestination('{"functionId":"x"}', id(0)), id(5));
    assert.equal(await functions.withDestination('{"functionId":"x"}', id(5)), undefined);
    await store.write((tx) => tx.functions.deleteDestinationSecret(id(0), "onSuccess"));
    assert.equal(await functions.destinationSecret(id(0), "onSuccess"), undefined);
  },
};
