/** Volumes: their versions, entries and small blobs. */
import assert from "node:assert/strict";
import { VOLUME as VOLUME_FIELDS, VOLUME_VERSION } from "../../../src/resources/volumes.ts";
import type { Store } from "../../../src/store/mod.ts";
import {
  assertColumns,
  BATCH,
  entryRow,
  GREATEST,
  id,
  type Steps,
  time,
  volumeRow,
} from "./rows.ts";

const VOLUME = id(1);

async function paths(store: Store, directory: string, recursive: boolean, version = GREATEST) {
  const found: string[] = [];
  for (let after = "";;) {
    const entries = await store.read.volumes.entries({
      volumeId: VOLUME,
      version,
      directory,
      recursive,
      after,
      limit: 2,
    });
    found.push(...entries.map(({ path }) => path));
    const last = entries.at(-1);
    if (last === undefined) return found;
    after = last.path;
  }
}

const PATHS = ["/A", "/a", "/a-b", "/a/x", "/a/y/z", "/a0", "/b", "/ä", "/日本"];

export const VOLUMES: Steps = {
  "numbers up to 2^53 come back exactly": async (store) => {
    const row = volumeRow({
      id: VOLUME,
      usedBytes: GREATEST,
      version: GREATEST - 1,
      displayName: "v",
    });
    await store.write((tx) => tx.volumes.insert(row));
    assert.deepEqual({ ...await store.read.volumes.get(VOLUME) }, row);
    await store.write((tx) => tx.volumes.update(VOLUME, { version: 3, usedBytes: 2 ** 40 }));
    assert.equal(
      (await store.read.volumes.list({ size: 1, after: undefined })).rows[0]?.usedBytes,
      2 ** 40,
    );
  },

  "entries sort by the bytes of their paths, for children and for all below": async (store) => {
    const parentOf = (path: string) => path.slice(0, path.lastIndexOf("/")) || "/";
    await store.write((tx) =>
      tx.volumes.insertEntries(
        PATHS.toReversed().map((path) =>
          entryRow({
            volumeId: VOLUME,
            path,
            parent: parentOf(path),
            size: GREATEST,
            digest: `d${path}`,
          })
        ),
      )
    );
    assert.deepEqual(await paths(store, "/", true), PATHS);
    assert.deepEqual(await paths(store, "/a", true), ["/a/x", "/a/y/z"]);
    assert.deepEqual(await paths(store, "/a", false), ["/a/x"]);
    assert.deepEqual(await paths(store, "/", true, 0), []);
    assert.equal((await store.read.volumes.entry(VOLUME, "/ä", 1))?.size, GREATEST);
  },

  "a version has what began and did not end before": async (store) => {
    await store.write(async (tx) => {
      await tx.volumes.endEntries(VOLUME, ["/a/x", "/none"], 2);
      await tx.volumes.insertEntries([
        entryRow({ volumeId: VOLUME, path: "/a/x", parent: "/a", fromVersion: 2, size: 7 }),
      ]);
    });
    assert.equal((await store.read.volumes.entry(VOLUME, "/a/x", 1))?.size, GREATEST);
    assert.equal((await store.read.volumes.entry(VOLUME, "/a/x", 2))?.size, 7);
    assert.deepEqual([...await store.read.volumes.newest(VOLUME, ["/a/x", "/none"])].length, 1);
    assert.equal((await store.read.volumes.newest(VOLUME, [])).size, 0);
    assert.deepEqual([...await store.read.volumes.changedAfter(VOLUME, ["/a/x", "/b"], 1)], [[
      "/a/x",
      2,
    ]]);
    assert.equal((await store.read.volumes.touchedAfter(VOLUME, 1)).length, 2);
  },

  "versions come newest first": async (store) => {
    const row = {
      volumeId: VOLUME,
      invocationId: null,
      principalId: "p",
      restoredVersion: null,
      paths: "[]",
    };
    await store.write(async (tx) => {
      for (const version of [1, 2, 3, 10]) {
        await tx.volumes.insertVersion({
          ...row,
          version,
          createdAt: time(version),
          pathCount: version,
        });
      }
    });
    const first = await store.read.volumes.versions(VOLUME, { size: 3, after: undefined });
    assert.deepEqual([first.rows.map(({ version }) => version), first.next], [[10, 3, 2], "2"]);
    const rest = await store.read.volumes.versions(VOLUME, { size: 3, after: first.next });
    assert.deepEqual(rest.rows.map(({ version }) => version), [1]);
    assert.equal(await store.read.volumes.oldestVersionAfter(VOLUME, time(2)), 2);
    assert.equal((await store.read.volumes.version(VOLUME, 10))?.pathCount, 10);
    assert.deepEqual((await store.read.volumes.sweepable()).map((volume) => volume.id), [VOLUME]);
  },

  "blobs are listed once each, small ones kept while an entry has them": async (store) => {
    const uses = await store.read.volumes.blobs("", 100);
    assert.deepEqual(uses.map(({ digest }) => digest), PATHS.map((path) => `d${path}`).sort());
    assert.equal(uses[0]?.size, GREATEST);
    assert.deepEqual(
      await store.read.volumes.referencedBlobs(["digest", "none"]),
      new Set(["digest"]),
    );
    assert.deepEqual(await store.read.volumes.referencedBlobs([]), new Set());
    const content = Uint8Array.from([0, 10, 255]);
    await store.write(async (tx) => {
      await tx.volumes.putSmallBlob("digest", content);
      await tx.volumes.putSmallBlob("digest", content);
      await tx.volumes.putSmallBlob("unused", content);
      await tx.volumes.deleteUnreferencedSmallBlobs("", BATCH);
    });
    assert.deepEqual([...await store.read.volumes.smallBlob("digest") ?? []], [0, 10, 255]);
    assert.equal(await store.read.volumes.smallBlob("unused"), undefined);
  },

  "pruning takes what only old versions have; a deletion takes all": async (store) => {
    const all = { versions: 1, isLast: true };
    assert.deepEqual(await store.write((tx) => tx.volumes.prune(VOLUME, 2, BATCH)), all);
    assert.equal(await store.read.volumes.entry(VOLUME, "/a/x", 1), undefined);
    assert.equal((await store.read.volumes.get(VOLUME))?.oldestVersion, 2);
    // One row at a time: an interrupted deletion continues, and the volume goes last.
    for (let step = 1; !(await store.write((tx) => tx.volumes.delete(VOLUME, 1))).isLast; step++) {
      assert.ok(await store.read.volumes.get(VOLUME), `after step ${step}`);
      assert.ok(step < BATCH);
    }
    assert.equal(await store.read.volumes.get(VOLUME), undefined);
    assert.deepEqual(await paths(store, "/", true), []);
  },

  "the columns of volumes and versions are those of their tables": async (store) => {
    const row = volumeRow({ id: id(2) });
    await store.write((tx) => tx.volumes.insert(row));
    await assertColumns(VOLUME_FIELDS, row, async (columns) => {
      await store.write((tx) =>
        tx.volumes.update(row.id, { updatedAt: row.updatedAt, ...columns })
      );
      return await store.read.volumes.get(row.id);
    });
    await store.write((tx) => tx.volumes.update(row.id, { deletedAt: time(1) }));
    const version = {
      volumeId: row.id,
      version: 0,
      createdAt: time(0),
      invocationId: null,
      principalId: null,
      restoredVersion: null,
      paths: "[]",
      pathCount: 0,
    };
    let number = 0;
    await assertColumns(VOLUME_VERSION, { ...version, id: "" }, async (columns) => {
      const next = { ...version, version: number++, ...columns };
      await store.write((tx) => tx.volumes.insertVersion(next));
      const { rows } = await store.read.volumes.versions(row.id, { size: 100, after: undefined });
      return rows.find((each) => each.version === next.version);
    });
  },
};
