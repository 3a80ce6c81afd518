/** Sessions of the console, and the codes of their links. */
import assert from "node:assert/strict";
import type { Store } from "../../../src/store/mod.ts";
import { BATCH, id, sessionRow as row, type Steps, time } from "./rows.ts";

const PAGE = { size: 10, after: undefined };

async function idsOf(store: Store, principalId = "p", after = time(0)): Promise<string[]> {
  const { rows } = await store.read.consoleSessions.ofPrincipal(principalId, after, PAGE);
  return rows.map((session) => session.id);
}

export const SESSIONS: Steps = {
  "a code is taken once, also by writes at the same time": async (store) => {
    const link = { codeHash: "code", kind: "client", clientId: "c", expiresAt: time(1) } as const;
    await store.write((tx) => tx.consoleSessions.insertLink(link));
    const take = () => store.write((tx) => tx.consoleSessions.takeLink("code"));
    const taken = await Promise.all([take(), take(), take()]);
    assert.deepEqual(taken.filter((one) => one !== undefined), [link]);
    assert.equal(await take(), undefined);
  },

  "a session is found by its token and listed until it expires": async (store) => {
    await store.write(async (tx) => {
      for (const number of [1, 2]) await tx.consoleSessions.insert(row(number));
      await tx.consoleSessions.insert(row(3, { principalId: "q", clientId: "d" }));
    });
    assert.deepEqual(await store.read.consoleSessions.byToken("hash1"), row(1));
    assert.equal(await store.read.consoleSessions.byToken("hash9"), undefined);
    assert.deepEqual(await idsOf(store), [id(2), id(1)]);
    assert.deepEqual(await idsOf(store, "p", time(10)), []);
    const again = store.write((tx) => tx.consoleSessions.insert(row(9, { tokenHash: "hash1" })));
    await assert.rejects(again, /unique/i);
  },

  "a session ends alone, with its client, or when it expires": async (store) => {
    const remove = (principal: string, number: number) =>
      store.write((tx) => tx.consoleSessions.delete(principal, id(number)));
    assert.deepEqual([await remove("q", 1), await remove("p", 1)], [false, true]);
    assert.equal(await store.read.consoleSessions.byToken("hash1"), undefined);
    const link = { codeHash: "of d", kind: "client", clientId: "d", expiresAt: time(1) } as const;
    await store.write((tx) => tx.consoleSessions.insertLink(link));
    await store.write((tx) => tx.consoleSessions.deleteOfClient("q", "d"));
    assert.deepEqual([await idsOf(store, "q"), await idsOf(store)], [[], [id(2)]]);
    assert.equal(await store.write((tx) => tx.consoleSessions.takeLink("of d")), undefined);
    await store.write((tx) => tx.expired.erase("sessions", time(10), BATCH));
    assert.deepEqual(await idsOf(store), [id(2)]);
    await store.write((tx) => tx.expired.erase("sessions", time(11), BATCH));
    assert.deepEqual(await idsOf(store), []);
  },

  "open links and open sessions are counted for a client, and its oldest are found": async (
    store,
  ) => {
    const link = (codeHash: string, clientId: string, at: number) =>
      ({ codeHash, kind: "client", clientId, expiresAt: time(at) }) as const;
    await store.write(async (tx) => {
      for (const [client, at] of [["linking", 3], ["linking", 2], ["other", 3], ["linking", 1]]) {
        await tx.consoleSessions.insertLink(link(`${client} ${at}`, String(client), Number(at)));
      }
      for (let number = 41; number <= 48; number++) {
        // Sessions of other clients of the principal, and those that have expired, do not count.
        const expiresAt = time(number === 47 ? 1 : 10);
        const clientId = number === 48 ? "other" : "busy";
        await tx.consoleSessions.insert(row(number, { principalId: "busy", clientId, expiresAt }));
      }
    });
    const open = (clientId: string, at: number) =>
      store.write((tx) => tx.consoleSessions.openLinksOf(clientId, time(at)));
    assert.deepEqual(await open("linking", 1), [time(2), time(3)]);
    assert.deepEqual([await open("other", 3), await open("nobody", 0)], [[], []]);
    const beyond = async (newer: number, limit = 9) => {
      const query = { newer, after: time(1), limit };
      const rows = await store.write((tx) => tx.consoleSessions.beyond("busy", query));
      return rows.map((one) => one.id);
    };
    assert.deepEqual(await beyond(2), [id(41), id(42), id(43), id(44)]);
    assert.deepEqual(await beyond(2, 3), [id(41), id(42), id(43)], "the oldest first");
    assert.deepEqual([await beyond(5), await beyond(6)], [[id(41)], []]);
    await store.write(async (tx) => {
      for (const client of ["linking", "other", "busy"]) {
        await tx.consoleSessions.deleteOfClient("busy", client);
      }
    });
  },

  "a token finds nothing once its session has ended": async (store) => {
    await store.write((tx) => tx.consoleSessions.insert(row(4)));
    assert.ok(await store.read.consoleSessions.byToken("hash4"));
    await store.write((tx) => tx.consoleSessions.deleteByToken("hash4"));
    assert.equal(await store.read.consoleSessions.byToken("hash4"), undefined);
  },

  "what the provider says of a session ends with the session": async (store) => {
    const confirmation = (number: number) => ({
      sessionId: id(number),
      confirmedAt: time(0),
      confirmAfter: time(1),
      askingEndsAt: null,
      sealedTokens: Uint8Array.of(number),
    });
    await store.write(async (tx) => {
      for (const number of [5, 6, 7, 8]) {
        const expiresAt = time(number === 8 ? 1 : 10);
        await tx.consoleSessions.insert(row(number, { kind: "person", clientId: "r", expiresAt }));
        await tx.consoleSessions.insertConfirmation(confirmation(number));
      }
      await tx.consoleSessions.insert(row(9, { principalId: "q" }));
    });
    const left = async () =>
      (await store.read.consoleSessions.confirmations()).map(({ sessionId }) => sessionId).sort();
    const kept = async (number: number) => {
      const row = await store.read.consoleSessions.confirmation(id(number)) ?? assert.fail();
      return { ...row, sealedTokens: Uint8Array.from(row.sealedTokens) };
    };
    assert.deepEqual(await kept(5), confirmation(5));
    assert.deepEqual((await store.read.consoleSessions.byId(id(5)))?.tokenHash, "hash5");
    const changed = { askingEndsAt: time(2), sealedTokens: Uint8Array.of(9, 9) };
    await store.write((tx) => tx.consoleSessions.updateConfirmation(id(5), changed));
    assert.deepEqual(await kept(5), { ...confirmation(5), ...changed });
    await store.write((tx) => tx.consoleSessions.deleteById(id(5)));
    await store.write((tx) => tx.consoleSessions.deleteByToken("hash6"));
    await store.write((tx) => tx.expired.erase("sessions", time(2), BATCH));
    assert.deepEqual(await left(), [id(7)]);
    await store.write((tx) => tx.consoleSessions.deleteOfPrincipal("p"));
    assert.deepEqual([await left(), await idsOf(store), await idsOf(store, "q")], [[], [], [
      id(9),
    ]]);
  },
};
