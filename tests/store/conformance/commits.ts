/** Commits, their files and tags; principals, clients, keys, nodes and leases. */
import assert from "node:assert/strict";
import { CLIENT } from "../../../src/resources/clients.ts";
import type { CredentialRow, PrincipalRow } from "../../../src/store/identity.ts";
import {
  assertColumns,
  BATCH,
  commitRow,
  credentialRow,
  functionRow,
  GREATEST,
  id,
  PRINCIPAL,
  roleRow,
  type Steps,
  time,
} from "./rows.ts";

const FUNCTION = id(0);
const LIMITS = { timeoutMs: 1, cpuTimeMs: 2, memoryBytes: GREATEST, maxConcurrency: 4 };

export const COMMITS: Steps = {
  "files sort by the bytes of their paths": async (store) => {
    const commitId = id(1);
    const paths = ["Z.ts", "a-b.ts", "a.ts", "a/b.ts", "aB.ts", "ab.ts", "ä.ts", "日.ts"];
    await store.write(async (tx) => {
      await tx.functions.insert(functionRow({ id: FUNCTION }));
      await tx.commits.insert(
        commitRow({ id: commitId, functionId: FUNCTION }),
        paths.toReversed().map((path) => ({ commitId, path, digest: null, size: GREATEST })),
      );
    });
    const files = await store.read.commits.files(commitId);
    assert.deepEqual(files.map(({ path }) => path), paths);
    assert.equal(files[0]?.size, GREATEST);
    assert.equal(await store.read.commits.hasFile(FUNCTION, undefined, "a/b.ts"), true);
    assert.equal(await store.read.commits.hasFile(FUNCTION, id(9), "a/b.ts"), false);
  },

  "an open commit takes files until it is finalized, once": async (store) => {
    const commitId = id(1);
    const columns = {
      ...{ scriptDigest: "s", sourceMapDigest: "m", lockDigest: "l", denoVersion: "2" },
      warnings: "[]",
    };
    await store.write(async (tx) => {
      assert.equal(await tx.commits.putFile(commitId, "a.ts", "file", 3), true);
      assert.equal(await tx.commits.putFile(commitId, "missing.ts", "file", 3), false);
      assert.equal(await tx.commits.finalize(commitId, time(2), { ...columns, ...LIMITS }), true);
      assert.equal(await tx.commits.finalize(commitId, time(3), { ...columns, ...LIMITS }), false);
      assert.equal(await tx.commits.putFile(commitId, "a.ts", "other", 3), false);
    });
    assert.equal((await store.read.commits.get(FUNCTION, commitId))?.memoryBytes, GREATEST);
    assert.equal(await store.read.commits.get(id(8), commitId), undefined);
    const page = { size: 5, after: undefined };
    const listed = (prefix: string) => store.read.commits.list(FUNCTION, prefix, page);
    assert.equal((await listed("")).rows.length, 1);
    assert.equal((await listed(commitId.slice(0, 5))).rows.length, 1);
    assert.equal((await listed("zzz")).rows.length, 0);
  },

  "references of blobs are found, in lists of any length": async (store) => {
    const many = Array.from({ length: 1200 }, (_, at) => `none${at}`);
    assert.deepEqual(await store.read.commits.referencedBlobs([]), new Set());
    assert.deepEqual(
      await store.read.commits.referencedBlobs([...many, "file", "l"]),
      new Set(["file", "l"]),
    );
    assert.deepEqual(
      (await store.read.commits.blobs("")).map(({ digests }) => digests.sort()),
      [["file", "l", "m", "s"]],
    );
    assert.deepEqual(await store.read.commits.blobs(id(1)), []);
  },

  "a tag is given once, and lists sort by the bytes of names": async (store) => {
    const tag = (name: string) =>
      store.write((tx) => tx.commits.insertTag(FUNCTION, name, id(1), time(0)));
    for (const name of ["v10", "V2", "v2", "v1.0"]) assert.equal(await tag(name), true);
    assert.equal(await tag("v2"), false);
    assert.deepEqual(
      (await store.read.commits.tags(FUNCTION)).map(({ name }) => name),
      ["V2", "v1.0", "v10", "v2"],
    );
    assert.equal((await store.read.commits.tagged(FUNCTION, "v2"))?.id, id(1));
    await store.write(async (tx) => {
      assert.equal(await tx.commits.deleteTag(FUNCTION, "v2"), true);
      assert.equal(await tx.commits.deleteTag(FUNCTION, "v2"), false);
    });
  },

  "the end of a type check replaces the one before": async (store) => {
    const typesOf = async () => {
      const row = await store.read.commits.get(FUNCTION, id(1));
      return [row?.typeCheck, row?.typeDiagnostics, row?.typeUnchecked];
    };
    await store.write((tx) =>
      tx.commits.putTypes(id(1), {
        typeCheck: null,
        typeDiagnostics: null,
        typeUnchecked: `{"reason":"TIMEOUT"}`,
      })
    );
    assert.deepEqual(await typesOf(), [null, null, `{"reason":"TIMEOUT"}`]);
    await store.write((tx) =>
      tx.commits.putTypes(id(1), {
        typeCheck: "CHECKED",
        typeDiagnostics: "[]",
        typeUnchecked: null,
      })
    );
    assert.deepEqual(await typesOf(), ["CHECKED", "[]", null]);
  },

  "a report on the loading of a script is requested once, and recorded": async (store) => {
    const loadOf = async () => {
      const row = await store.read.commits.get(FUNCTION, id(1));
      return [row?.loadState, row?.loadReport];
    };
    const next = async () => (await store.read.commits.nextUnloaded())?.id;
    assert.deepEqual([await loadOf(), await next()], [[null, null], undefined]);
    await store.write((tx) => tx.commits.wantLoad(id(1), null));
    assert.deepEqual([await loadOf(), await next()], [["PENDING", null], id(1)]);
    await store.write((tx) =>
      tx.commits.putLoad(id(1), { loadState: "REPORTED", loadReport: "{}" })
    );
    for (const known of [null, "another"]) {
      await store.write((tx) => tx.commits.wantLoad(id(1), known));
      assert.deepEqual([await loadOf(), await next()], [["REPORTED", "{}"], undefined]);
    }
    await store.write((tx) => tx.commits.wantLoad(id(1), "{}"));
    assert.deepEqual([await loadOf(), await next()], [["PENDING", null], id(1)]);
  },

  "expired commits go with their files; an erasure takes artifacts": async (store) => {
    await store.write(async (tx) => {
      await tx.commits.insert(
        commitRow({ id: id(2), functionId: FUNCTION, expiresAt: time(5) }),
        [{ commitId: id(2), path: "x", digest: null, size: 0 }],
      );
      await tx.expired.erase("open_commits", time(6), BATCH);
    });
    assert.equal(await store.read.commits.get(FUNCTION, id(2)), undefined);
    const erased = await store.write((tx) =>
      tx.commits.erase([id(1)], ["file"], { purgedAt: time(7), purgedBy: "me" })
    );
    assert.deepEqual(erased.sort(), ["file", "l", "m", "s"]);
    const { scriptDigest, loadState, loadReport } = await store.read.commits.get(FUNCTION, id(1)) ??
      {};
    assert.deepEqual([scriptDigest, loadState, loadReport], [null, null, null]);
    await store.write(async (tx) => {
      await tx.commits.putLoad(id(1), { loadState: "REPORTED", loadReport: "{}" });
      await tx.commits.wantLoad(id(1), null);
    });
    assert.equal((await store.read.commits.get(FUNCTION, id(1)))?.loadState, null);
    assert.equal(
      await store.write((tx) =>
        tx.commits.putTests(id(1), {
          testScriptDigest: "a",
          testSourceMapDigest: "b",
          testLockDigest: "c",
        })
      ),
      false,
    );
  },
};

export const IDENTITY: Steps = {
  "clients come with their principal and the custom roles of both, and pages end": async (
    store,
  ) => {
    const [ofPrincipal, ofCredential, deleted] = [roleRow(5), roleRow(6), roleRow(7)];
    const custom = [ofPrincipal, ofCredential, deleted];
    const principal = { ...PRINCIPAL, roles: JSON.stringify(["a", ofPrincipal.id, deleted.id]) };
    await store.write(async (tx) => {
      for (const role of custom) await tx.identity.insertRole(role);
      await tx.identity.updateRole(deleted.id, { deletedAt: time(1) });
      await tx.identity.insertPrincipal(principal);
      for (const number of [1, 2, 3]) await tx.identity.insertCredential(credentialRow(number));
      await tx.identity.updateCredential(id(1), { scopedRoles: JSON.stringify([ofCredential.id]) });
      await tx.identity.updateCredential(id(3), { disabled: 1, deletedAt: time(1) });
    });
    const { identity } = store.read;
    const which = { kinds: ["secret"], now: time(0) } as const;
    const list = (after?: string) => identity.credentials("p", which, { size: 1, after });
    const first = await list();
    assert.deepEqual([first.rows[0]?.clientId, first.next], ["client2", id(2)]);
    const second = await list(first.next);
    assert.deepEqual([second.rows[0]?.clientId, second.next], ["client1", undefined]);
    const client = await identity.client("client1");
    assert.deepEqual({ ...client?.principal }, principal);
    assert.deepEqual(client?.customRoles.map((role) => ({ ...role })), [ofPrincipal, ofCredential]);
    assert.equal((await identity.client("client3"))?.credential.disabled, 1);
    assert.equal((await identity.allClients()).length, 2);
  },

  "a change of a role, of a principal or of a credential is read with the next check": async (
    store,
  ) => {
    const { identity } = store.read;
    const rolesOf = async () =>
      (await identity.client("client1"))?.customRoles.map(({ displayName }) => displayName);
    assert.deepEqual(await rolesOf(), ["role5", "role6"]);
    await store.write((tx) => tx.identity.updateRole(id(5), { displayName: "renamed" }));
    assert.deepEqual(await rolesOf(), ["renamed", "role6"]);
    await store.write((tx) => tx.identity.updateRole(id(6), { deletedAt: time(2) }));
    assert.deepEqual(await rolesOf(), ["renamed"]);
    await store.write((tx) => tx.identity.updatePrincipal("p", { roles: "[]", disabled: 1 }));
    assert.deepEqual(await rolesOf(), []);
    assert.equal((await identity.client("client1"))?.principal.disabled, 1);
    assert.equal((await identity.principal("p"))?.principal.disabled, 1);
  },

  "a use is noted without a change of the credential": async (store) => {
    const { identity } = store.read;
    const kept = await identity.client("client1");
    for (const at of [1, 2]) {
      await store.write((tx) => tx.identity.noteUse(id(1), time(at)));
      assert.equal((await identity.credential(id(1)))?.lastUsedAt, time(at));
    }
    assert.equal(await identity.client("client1"), kept, "the row is kept");
  },

  "principals are found by what they have": async (store) => {
    const { identity } = store.read;
    const person: PrincipalRow = {
      ...PRINCIPAL,
      id: "q",
      kind: "person",
      issuer: "https://i",
      subject: "s",
      groupRoles: '["b"]',
    };
    await store.write((tx) => tx.identity.insertPrincipal(person));
    await assert.rejects(store.write((tx) => tx.identity.insertPrincipal({ ...person, id: "r" })));
    const page = { size: 5, after: undefined };
    const ids = async (which: Parameters<typeof identity.principals>[0]) =>
      (await identity.principals(which, page)).rows.map((row) => row.id);
    assert.deepEqual(await ids({}), ["q", "p"]);
    assert.deepEqual(await ids({ kind: "service" }), ["p"]);
    assert.deepEqual(await ids({ ids: ["q"] }), ["q"]);
    assert.equal((await identity.person("https://i", "s"))?.id, "q");
    assert.equal(await identity.person("https://other", "s"), undefined);
    assert.deepEqual((await identity.principalsWithRole("b")).map((row) => row.id), ["q"]);
    const found = async (search: Partial<Parameters<typeof identity.searchPrincipals>[0]>) => {
      const statuses = ["enabled", "disabled"] as const;
      const { rows } = await identity.searchPrincipals({ statuses, ...search }, page);
      return rows.map((row) => row.id);
    };
    const named = { displayName: "Q_x", email: "Q@X", username: "q%" };
    await store.write((tx) => tx.identity.updatePrincipal("q", named));
    assert.deepEqual(await found({}), ["q", "p"]);
    assert.deepEqual(await found({ query: "q_X" }), ["q"]);
    assert.deepEqual([await found({ query: "q%" }), await found({ query: "qx" })], [["q"], []]);
    assert.deepEqual([await found({ email: "q@x" }), await found({ email: "q@" })], [["q"], []]);
    assert.deepEqual(await found({ ids: ["q", "p"], excludeIds: ["p"] }), ["q"]);
    assert.deepEqual(await found({ roleIds: ["b", "none"] }), ["q"]);
    const lately = (at: number) => found({ roleIds: ["b"], groupsCountAfter: time(at) });
    assert.deepEqual(await lately(0), [], "never confirmed");
    await store.write((tx) => tx.identity.updatePrincipal("q", { groupsConfirmedAt: time(5) }));
    assert.deepEqual([await lately(4), await lately(5)], [["q"], []]);
    assert.deepEqual([await found({ kinds: ["service"] }), await found({ kinds: [] })], [
      ["p"],
      [],
    ]);
    assert.deepEqual(await found({ statuses: ["enabled"] }), ["q"]);
    await store.write((tx) => tx.identity.updatePrincipal("q", { disabled: 1 }));
    assert.deepEqual(await found({ statuses: ["disabled"], kinds: ["person"] }), ["q"]);
    assert.deepEqual(await found({ statuses: ["enabled"] }), []);
    await store.write((tx) => tx.identity.updatePrincipal("q", { deletedAt: time(3) }));
    assert.deepEqual([await ids({}), await identity.principalsWithRole("b")], [["p"], []]);
    assert.deepEqual([await found({}), await found({ statuses: ["deleted"] })], [["p"], ["q"]]);
  },

  "the columns of clients are those of their table": async (store) => {
    await store.write((tx) => tx.identity.insertCredential(credentialRow(4)));
    await assertColumns(CLIENT, { ...credentialRow(4), lastUsedAt: null }, async (columns) => {
      await store.write((tx) =>
        tx.identity.updateCredential(id(4), { ...columns, secretHash: "h" })
      );
      return await store.read.identity.credential(id(4));
    });
  },

  "an assertion is used once, at whatever time": async (store) => {
    const use = () => store.write((tx) => tx.assertions.use("f", time(10)));
    const results = await Promise.all([use(), use(), use()]);
    assert.deepEqual(results.filter(Boolean), [true]);
    await store.write((tx) => tx.expired.erase("used_assertions", time(11), BATCH));
    assert.equal(await use(), true);
  },

  "the sealed keys of the server are bytes, newest first": async (store) => {
    const sealed = Uint8Array.from([0, 1, 254, 255]);
    await store.write(async (tx) => {
      for (const number of [1, 2]) {
        const row = { id: id(number), purpose: "x", sealed, createdAt: time(0), signsFrom: null };
        await tx.identity.insertKey(row);
      }
      await tx.identity.resealKey(id(1), sealed.toReversed());
    });
    const keys = await store.read.identity.keys("x");
    assert.deepEqual(keys.map((key) => [...key.sealed]), [[0, 1, 254, 255], [255, 254, 1, 0]]);
    assert.equal((await store.read.identity.allKeys()).length, 2);
    await store.write((tx) => tx.identity.deleteKeys([id(1)]));
    assert.deepEqual((await store.read.identity.keys("x")).map((key) => key.id), [id(2)]);
    await store.write((tx) => tx.identity.deleteKeys([]));
  },

  "credentials that ended count no more, and are erased with all they have": async (store) => {
    const row = (number: number, change: Partial<CredentialRow>) => ({
      ...credentialRow(number),
      principalId: "counted",
      ...change,
    });
    const rows = [
      row(81, { expiresAt: time(5) }),
      row(82, { kind: "trust", deletedAt: time(3) }),
      row(83, { kind: "device", expiresAt: time(9) }),
      row(84, { kind: "api_key", disabled: 1 }),
    ];
    const ids = rows.map(({ id }) => id);
    await store.write(async (tx) => {
      await tx.identity.insertPrincipal({ ...PRINCIPAL, id: "counted" });
      for (const each of rows) await tx.identity.insertCredential(each);
      await tx.identity.noteUse(id(81), time(4));
      const rules = { conditionExpression: "true", description: "", passthroughClaims: "[]" };
      await tx.federation.insertTrust({ id: id(82), providerId: "none", ...rules });
    });
    const { identity } = store.read;
    const open = async (at: number) =>
      (await identity.openCredentials("counted", time(at))).map(({ kind }) => kind);
    const each = await Promise.all([open(4), open(5), open(9)]);
    assert.deepEqual(each, [["secret", "device", "api_key"], ["device", "api_key"], ["api_key"]]);
    const listed = async (at: number) => {
      const which = { kinds: ["secret", "device"], now: time(at) } as const;
      const { rows } = await identity.credentials("counted", which, { size: 9, after: undefined });
      return rows.map(({ kind }) => kind);
    };
    assert.deepEqual([await listed(8), await listed(9)], [["device", "secret"], ["secret"]]);
    const erase = (at: number, limit = 10) =>
      store.write(async (tx) =>
        (await tx.identity.eraseEndedCredentials(time(at), limit)).map((one) => one.id)
          .filter((id) => ids.includes(id))
      );
    // The first step has deleted a credential, too.
    await store.write((tx) => tx.identity.eraseEndedCredentials(time(2), 10));
    assert.deepEqual(await erase(3), []);
    assert.deepEqual([await erase(6, 1), await erase(6, 1), await erase(6, 1)], [
      [id(81)],
      [id(82)],
      [],
    ]);
    assert.equal(await identity.credential(id(81)), undefined);
    await store.write(async (tx) => {
      await tx.identity.insertCredential(row(81, {}));
      await tx.identity.insertCredential(row(82, { kind: "trust" }));
    });
    assert.equal((await identity.credential(id(81)))?.lastUsedAt, null);
    assert.equal(await store.read.federation.trust("client82"), undefined);
    await store.write((tx) => tx.identity.deleteCredentialsOf("counted", time(1)));
    assert.equal((await erase(2)).length, 4);
  },
};
