/** Functions, secrets and publishes. */
import assert from "node:assert/strict";
import { NO_LIMITS } from "../../../src/domain/limits.ts";
import { FUNCTION_SETTINGS } from "../../../src/resources/functions.ts";
import type { Store } from "../../../src/store/mod.ts";
import { assertColumns, commitRow, functionRow, GREATEST, id, type Steps, time } from "./rows.ts";

const names = [
  "plain",
  "100% _sure_",
  "back\\slash",
  "Straße ÄÖ",
  "straßE äö",
  "nul\0nul",
  "日本語 🙂",
];

async function found(store: Store, query: string): Promise<string[]> {
  const search = { query, functionTypes: [], within: "all" } as const;
  const page = await store.read.functions.search(search, { size: 100, after: undefined });
  return page.rows.map(({ displayName }) => displayName);
}

export const FUNCTIONS: Steps = {
  "a row comes back as it was written, numbers up to 2^53 included": async (store) => {
    const row = functionRow({
      id: id(0),
      displayName: "first",
      description: "quote ' and \" and \u2028",
      memoryBytes: GREATEST,
      retentionMs: GREATEST,
      timeoutMs: 2 ** 31,
      provisionedConcurrency: 3,
    });
    assert.equal(await store.read.functions.any(), false);
    await store.write((tx) => tx.functions.insert(row));
    assert.deepEqual({ ...await store.read.functions.get(row.id) }, row);
    assert.equal(await store.read.functions.any(), true);
    assert.equal(await store.read.functions.get(id(999)), undefined);
    assert.deepEqual(
      (await store.read.functions.withRetention()).map((each) => ({ ...each })),
      [{ id: row.id, retentionMs: GREATEST }],
    );
    await store.write((tx) => tx.functions.update(row.id, { deletedAt: time(1) }));
    assert.equal((await store.read.functions.get(row.id))?.deletedAt, time(1));
  },

  "the columns of settings are those of the table": async (store) => {
    const row = functionRow({ id: id(1) });
    await store.write((tx) => tx.functions.insert(row));
    await assertColumns(FUNCTION_SETTINGS, row, async (columns) => {
      await store.write((tx) =>
        tx.functions.update(row.id, { updatedAt: row.updatedAt, ...columns })
      );
      return await store.read.functions.get(row.id);
    });
    await store.write((tx) => tx.functions.update(row.id, { deletedAt: time(1) }));
  },

  "a search takes wildcards literally and ignores the case of ASCII letters alone": async (
    store,
  ) => {
    await store.write(async (tx) => {
      for (const [at, displayName] of names.entries()) {
        await tx.functions.insert(
          functionRow({
            id: id(10 + at),
            displayName,
            functionType: at < 3 ? "FUNCTION_TYPE_CODE_MODE" : "FUNCTION_TYPE_ANY",
          }),
        );
      }
    });
    assert.deepEqual(await found(store, "PLAIN"), ["plain"]);
    assert.deepEqual(await found(store, "%"), ["100% _sure_"]);
    assert.deepEqual(await found(store, "_"), ["100% _sure_"]);
    assert.deepEqual(await found(store, "\\"), ["back\\slash"]);
    assert.deepEqual(await found(store, "STRAß"), ["straßE äö", "Straße ÄÖ"]);
    assert.deepEqual(await found(store, "äö"), ["straßE äö"]);
    assert.deepEqual(await found(store, "🙂"), ["日本語 🙂"]);
    assert.deepEqual(await found(store, id(10)), ["plain"]);
    assert.deepEqual(await found(store, "first"), []);
    const within = new Set([id(10), id(12), id(999)]);
    const search = { query: "", functionTypes: [], within };
    const { rows } = await store.read.functions.search(search, { size: 9, after: undefined });
    assert.deepEqual(rows.map((row) => row.id), [id(12), id(10)], "within a scope");
  },

  "a NUL becomes U+FFFD": async (store) => {
    assert.deepEqual(await found(store, "nul\ufffdnul"), ["nul\ufffdnul"]);
    assert.deepEqual(await found(store, "nul\0n"), ["nul\ufffdnul"]);
  },

  "pages are newest first, neither repeat nor omit, and take a list of types": async (store) => {
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const { rows, next } = await store.read.functions.search(
        {
          query: "",
          functionTypes: ["FUNCTION_TYPE_UNSPECIFIED", "FUNCTION_TYPE_CODE_MODE"],
          within: "all",
        },
        { size: 1, after },
      );
      seen.push(...rows.map(({ displayName }) => displayName));
      after = next;
    } while (after !== undefined);
    assert.deepEqual(seen, names.slice(0, 3).toReversed());
  },

  "secrets are bytes, sorted by their names as bytes": async (store) => {
    const [functionId, other] = [id(10), id(11)];
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    await store.write(async (tx) => {
      for (const name of ["b", "B", "a_", "aa", "é"]) {
        await tx.functions.putSecret(functionId, name, all);
      }
      await tx.functions.putSecret(functionId, "aa", new Uint8Array());
    });
    assert.deepEqual(await store.read.functions.secretNames(functionId), [
      "B",
      "a_",
      "aa",
      "b",
      "é",
    ]);
    const secrets = await store.read.functions.secrets(functionId);
    assert.deepEqual(Uint8Array.from(secrets[0]?.sealed ?? []), all);
    assert.equal(secrets[2]?.sealed.length, 0);
    const namesOf = await store.read.functions.secretNamesOf([functionId, other]);
    assert.deepEqual(namesOf.get(other), []);
    assert.deepEqual((await store.read.functions.secretNamesOf([])).size, 0);
    await store.write(async (tx) => {
      for (const name of ["B", "a_", "aa", "é"]) await tx.functions.deleteSecret(functionId, name);
    });
    assert.deepEqual(await store.read.functions.secretNames(functionId), ["b"]);
    assert.deepEqual(await store.read.functions.withSecrets(), [functionId]);
    await store.write((tx) => tx.functions.deleteSecret(functionId, "b"));
    assert.deepEqual(await store.read.functions.withSecrets(), []);
  },

  "publishes come with the message of their commit": async (store) => {
    const [functionId, commitId] = [id(10), id(20)];
    await store.write(async (tx) => {
      await tx.commits.insert(
        commitRow({
          id: commitId,
          functionId,
          message: "m",
          scriptDigest: "s",
          sourceMapDigest: "m",
        }),
        [{ commitId, path: "main.ts", digest: null, size: 1 }],
      );
      const row = { functionId, previousCommitId: null, publishedAt: time(1), publishedBy: "x" };
      await tx.functions.insertPublish({ ...row, id: id(30), commitId, restoredId: null });
      const none = { commitId: null, restoredId: id(30) };
      await tx.functions.insertPublish({ ...row, id: id(31), ...none });
      await tx.functions.update(functionId, {
        publishedCommitId: commitId,
        provisionedConcurrency: 2,
        evaluation: "EVALUATION_SHARED",
        volumeId: "v",
      });
    });
    const { rows } = await store.read.functions.publishes(functionId, {
      size: 5,
      after: undefined,
    });
    assert.deepEqual(
      rows.map(({ message, restoredId, purgedAt }) => [message, restoredId, purgedAt]),
      [[null, id(30), null], ["m", null, null]],
    );
    assert.deepEqual(
      (await store.read.functions.provisioned()).map((each) => ({ ...each })),
      [{
        scriptDigest: "s",
        sourceMapDigest: "m",
        count: 2,
        evaluation: "EVALUATION_SHARED",
        ...NO_LIMITS,
      }],
    );
    assert.equal(await store.read.functions.boundTo("v"), functionId);
    assert.equal(await store.read.functions.boundTo("w"), undefined);
  },
};
