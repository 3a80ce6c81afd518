/** The audit log: one chain, whoever appends, and events of exactly the changes that are committed. */
import assert from "node:assert/strict";
import type { AuditScope } from "../../../src/store/audit_scopes.ts";
import type { AuditedChange } from "../../../src/store/audited_tables.ts";
import { AUDIT_LOCK, type AuditEntry, chainHash } from "../../../src/store/audit.ts";
import type { Store } from "../../../src/store/mod.ts";
import { BATCH, functionRow, id, type Steps, time } from "./rows.ts";

let made = 0;

function entry(operation = "a.b.C", facts: object = {}): AuditEntry {
  const number = ++made;
  return {
    uid: id(number),
    time: time(number),
    classUid: 6003,
    actor: "p",
    actorName: "Ada",
    operation,
    event: { metadata: { uid: id(number) }, unmapped: { ...facts } },
  };
}

function append(store: Store, one: AuditEntry): Promise<void> {
  return store.writeLocked([AUDIT_LOCK], (tx) => tx.audit.append(one));
}

/** A request that records each transaction with audited changes. */
function scopeOf(seen: (readonly AuditedChange[])[], ends: boolean[] = []): AuditScope {
  return {
    begin: () => ({
      entryOf(changes) {
        if (changes.list.length === 0) return undefined;
        seen.push(changes.list);
        return entry("scoped");
      },
      ended: (isCommitted) => void ends.push(isCommitted),
    }),
  };
}

/** Asserts that the events are a chain up to the head; answers their operations. */
async function assertChain(store: Store): Promise<string[]> {
  const { audit } = store.read;
  const head = await audit.head();
  const rows = await audit.after(head.baseSeq, 10_000);
  let [seq, hash, uid] = [head.baseSeq, head.baseHash, ""];
  for (const row of rows) {
    assert.equal(row.seq, ++seq);
    assert.equal(row.hash, chainHash(hash, row.event));
    const event = JSON.parse(row.event);
    assert.equal(event.metadata.sequence, seq);
    assert.equal(event.metadata.uid, row.uid);
    if (seq > 1 && uid !== "") assert.equal(event.unmapped.previous_event_uid, uid);
    ({ hash, uid } = row);
  }
  assert.deepEqual([head.seq, head.hash, head.uid], [seq, hash, uid]);
  return rows.map(({ operation }) => operation);
}

export const AUDIT: Steps = {
  "events form a chain from the first on, also those of writes at the same time": async (store) => {
    assert.deepEqual(await store.read.audit.head(), {
      seq: 0,
      uid: "",
      hash: "0".repeat(64),
      baseSeq: 0,
      baseHash: "0".repeat(64),
    });
    await Promise.all(Array.from({ length: 300 }, (_, at) => append(store, entry(`op${at}`))));
    const operations = await assertChain(store);
    assert.deepEqual(operations, Array.from({ length: 300 }, (_, at) => `op${at}`));
  },

  "an event of a write that is rolled back leaves no gap": async (store) => {
    const failing = () =>
      store.writeLocked([AUDIT_LOCK], async (tx) => {
        await tx.audit.append(entry("failed"));
        throw new Error("on purpose");
      });
    await assert.rejects(failing(), /on purpose/);
    await Promise.allSettled([
      append(store, entry()),
      failing(),
      append(store, entry()),
      failing(),
    ]);
    const operations = await assertChain(store);
    assert.deepEqual([operations.length, operations.includes("failed")], [302, false]);
  },

  "a write that does not hold the lock of the chain cannot append": async (store) => {
    const unlocked = store.write((tx) => tx.audit.append(entry()));
    await assert.rejects(unlocked, /must name locks\.auditChain/);
    await assertChain(store);
  },

  "a transaction of a request has an event of its changes, which name no value": async (store) => {
    const seen: (readonly AuditedChange[])[] = [];
    const functionId = id(9001);
    await store.auditScopes.within(scopeOf(seen), async () => {
      await store.write(async (tx) => {
        await tx.functions.insert(functionRow({ id: functionId }));
        await tx.functions.putSecret(functionId, "KEY", new Uint8Array([1]));
        await tx.functions.update(functionId, { displayName: "other" });
      });
      await store.write((tx) => tx.functions.deleteSecret(functionId, "KEY"));
      // Nothing that is audited.
      await store.write((tx) => tx.expired.erase("used_assertions", time(0), BATCH));
    });
    const [made, ...others] = seen;
    const secret = { kind: "secret", id: undefined, name: "KEY", namespace: functionId };
    const fn = { kind: "function", id: functionId, name: undefined, namespace: undefined };
    assert.deepEqual(made, [
      { ...fn, change: "created" },
      { ...secret, change: "created" },
      { ...fn, change: "updated" },
    ]);
    assert.deepEqual(others, [[{ ...secret, change: "deleted" }]]);
    const operations = await assertChain(store);
    assert.deepEqual(operations.filter((name) => name === "scoped").length, 2);
  },

  "a write sees the request of its caller, also in a group that another request began": async (
    store,
  ) => {
    const scopes = [scopeOf([]), scopeOf([]), undefined];
    const seen = await Promise.all(scopes.map((scope) => {
      const write = () => store.write(() => Promise.resolve(store.auditScopes.current));
      return scope === undefined ? write() : store.auditScopes.within(scope, write);
    }));
    assert.deepEqual(seen.map((one, at) => one === scopes[at]), [true, true, true]);
  },

  "a change that is rolled back has no event": async (store) => {
    const ends: boolean[] = [];
    const before = await store.read.audit.head();
    await store.auditScopes.within(scopeOf([], ends), async () => {
      const rolledBack = store.write(async (tx) => {
        await tx.functions.insert(functionRow({ id: id(9002) }));
        throw new Error("on purpose");
      });
      await assert.rejects(rolledBack, /on purpose/);
    });
    assert.deepEqual(await store.read.audit.head(), before);
    assert.deepEqual(ends, [false]);
  },

  "what a request leaves running is not its own, nor what runs outside it": async (store) => {
    const before = await store.read.audit.head();
    const insert = (number: number) =>
      store.write((tx) => tx.functions.insert(functionRow({ id: id(number) })));
    const { promise: later, resolve: ended } = Promise.withResolvers<void>();
    let left: Promise<void> | undefined;
    await store.auditScopes.within(scopeOf([]), async () => {
      left = later.then(() => insert(9003));
      await store.auditScopes.outside(() => insert(9004));
    });
    ended();
    await left;
    assert.deepEqual(await store.read.audit.head(), before);
  },
};
