/** What every implementation of volume blobs promises. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { CONTENT_BYTES } from "../../src/cluster/objects/codec.ts";
import { emptyVolume } from "../../src/domain/volumes/empty_volume.ts";
import { BlobError } from "../../src/store/blobs/blob_error.ts";
import { digestOf } from "../../src/store/blobs/commit_blobs.ts";
import { SMALL_BLOB_BYTES_MAX } from "../../src/store/blobs/staged_blob.ts";
import type { PublishedBlob, VolumeBlobs } from "../../src/store/blobs/volume_blobs.ts";
import type { Store } from "../../src/store/mod.ts";
import { STORES } from "../support/blob_stores.ts";
import { random, SEED } from "../support/seed.ts";

function suite(name: string, body: (store: Store) => Promise<void>): void {
  for (const [kind, open] of Object.entries(STORES)) {
    Deno.test(`volume blobs ${kind}: ${name}`, async () => {
      await using opened = await open();
      await body(opened.store);
    });
  }
}

function large(size = SMALL_BLOB_BYTES_MAX + 1): Uint8Array {
  return new Uint8Array(randomBytes(size));
}

async function publish(blobs: VolumeBlobs, content: Uint8Array): Promise<PublishedBlob> {
  await using staged = blobs.stage();
  await staged.write(0, content);
  const [published] = await blobs.publish([staged]);
  return published as PublishedBlob;
}

/** Writes the entry that references a blob. */
async function reference(store: Store, { digest, size }: PublishedBlob): Promise<void> {
  const modifiedAt = new Date().toISOString();
  const volume = emptyVolume({ id: "volume", displayName: "test", quotaBytes: 1 });
  await store.write(async (tx) => {
    await tx.volumes.insert(volume);
    await tx.volumes.insertEntries([{
      volumeId: volume.id,
      path: `/${digest}`,
      parent: "/",
      kind: "file",
      digest,
      size,
      modifiedAt,
      fromVersion: 1,
      toVersion: null,
    }]);
  });
}

async function readAll(blobs: VolumeBlobs, digest: string, size: number): Promise<Uint8Array> {
  using reader = await blobs.open(digest, size);
  const content = new Uint8Array(size);
  for (let at = 0; at < size;) {
    const bytes = await reader.read(at, size - at);
    assert.ok(bytes.length > 0, `nothing at ${at} of ${size}`);
    content.set(bytes, at);
    at += bytes.length;
  }
  assert.equal((await reader.read(size, 1)).length, 0);
  return content;
}

suite("small blobs are rows, and the others come back in whole and in ranges", async (store) => {
  const { volumeBlobs: blobs } = store;
  const small = await publish(blobs, new Uint8Array([1, 2, 3]));
  assert.deepEqual(small.small, new Uint8Array([1, 2, 3]));
  await store.write((tx) => tx.volumes.putSmallBlob(small.digest, small.small as Uint8Array));
  assert.deepEqual(await readAll(blobs, small.digest, 3), new Uint8Array([1, 2, 3]));
  await blobs.check(small.digest, 3);

  const next = random(SEED);
  for (const size of [SMALL_BLOB_BYTES_MAX + 1, CONTENT_BYTES, 4 * CONTENT_BYTES + 1]) {
    const content = large(size);
    const published = await publish(blobs, content);
    assert.deepEqual(published, { digest: digestOf(content), size, small: undefined });
    assert.deepEqual(await readAll(blobs, published.digest, size), content);
    await blobs.check(published.digest, size);
    using reader = await blobs.open(published.digest, size);
    for (let round = 0; round < 50; round++) {
      const [offset, length] = [next(size), 1 + next(size)];
      const bytes = await reader.read(offset, length);
      assert.ok(bytes.length > 0 && bytes.length <= length);
      assert.deepEqual(bytes, content.slice(offset, offset + bytes.length));
    }
  }
});

suite("blobs that are published at once, some of them the same, come back", async (store) => {
  const { volumeBlobs: blobs } = store;
  const contents = Array.from({ length: 12 }, (_, at) => large(CONTENT_BYTES * (at % 4) + 20_000));
  const staged = [...contents, ...contents].map(() => blobs.stage());
  for (const [at, each] of staged.entries()) {
    await each.write(0, contents[at % contents.length] as Uint8Array);
  }
  const published = await blobs.publish(staged);
  for (const [at, { digest, size }] of published.entries()) {
    assert.deepEqual(await readAll(blobs, digest, size), contents[at % contents.length]);
  }
  blobs.release(published);
  const stored: string[] = [];
  for await (const digests of blobs.storedDigests()) stored.push(...digests);
  assert.deepEqual(stored.toSorted(), contents.map(digestOf).toSorted());
});

suite("a missing blob and one of another size are reported", async (store) => {
  const { volumeBlobs: blobs } = store;
  const { digest, size } = await publish(blobs, large());
  for (
    const [read, failure] of [
      [() => blobs.open(digestOf(large()), size), / is missing$/],
      [() => blobs.check(digestOf(large()), size), / is missing$/],
      [() => blobs.open(digest, size + 1), / has 16,385 bytes instead of 16,386$/],
      [() => blobs.check(digest, size + 1), / has 16,385 bytes instead of 16,386$/],
    ] as const
  ) {
    await assert.rejects(
      read(),
      (error) => error instanceof BlobError && failure.test(error.message),
    );
  }
});

suite("a collection keeps blobs that are retained or referenced", async (store) => {
  const { volumeBlobs: blobs } = store;
  const content = large();
  const retained = await publish(blobs, content);
  const again = await publish(blobs, content);
  const referenced = await publish(blobs, large());
  const unused = await publish(blobs, large());
  await reference(store, referenced);
  blobs.release([again, referenced, unused]);
  const digests = [retained, referenced, unused].map(({ digest }) => digest);
  await blobs.collect(digests);
  await readAll(blobs, retained.digest, retained.size);
  await readAll(blobs, referenced.digest, referenced.size);
  await assert.rejects(blobs.open(unused.digest, unused.size), /is missing/);

  blobs.release([retained]);
  const seen = new Map<string, boolean>();
  await blobs.collect(digests, (digest, inUse) => {
    seen.set(digest, inUse);
    return false;
  });
  assert.equal(seen.get(referenced.digest), true);
  assert.equal(seen.get(retained.digest), false);
  await readAll(blobs, retained.digest, retained.size);
  await blobs.collect(digests);
  await assert.rejects(blobs.open(retained.digest, retained.size), /is missing/);
});

suite("a blob that is published while it is collected is there", async (store) => {
  const { volumeBlobs: blobs } = store;
  const content = large(CONTENT_BYTES + 1);
  for (let round = 0; round < 20; round++) {
    const before = await publish(blobs, content);
    blobs.release([before]);
    const [published] = await Promise.all([
      publish(blobs, content),
      blobs.collect([before.digest]),
    ]);
    assert.deepEqual(await readAll(blobs, published.digest, published.size), content);
    blobs.release([published]);
    await blobs.collect([published.digest]);
    await assert.rejects(blobs.open(published.digest, published.size), /is missing/);
  }
});
