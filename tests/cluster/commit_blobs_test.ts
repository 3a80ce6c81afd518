/** What every implementation of commit blobs promises. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { CONTENT_BYTES } from "../../src/cluster/objects/codec.ts";
import { BlobError } from "../../src/store/blobs/blob_error.ts";
import { type CommitBlobs, digestOf } from "../../src/store/blobs/commit_blobs.ts";
import { STORES } from "../support/blob_stores.ts";

const NO_ROWS = () => Promise.resolve(new Set<string>());

/** Answers a time after all earlier writes, and before all later ones. */
type Between = () => Promise<Date>;

function suite(name: string, body: (blobs: CommitBlobs, between: Between) => Promise<void>): void {
  for (const [kind, open] of Object.entries(STORES)) {
    Deno.test(`commit blobs ${kind}: ${name}`, async () => {
      await using opened = await open();
      await body(opened.store.commitBlobs, async () => {
        await pause(opened.clockStepMs);
        const time = new Date();
        await pause(opened.clockStepMs);
        return time;
      });
    });
  }
}

function shardOf(digest: string): number {
  return parseInt(digest.slice(0, 2), 16);
}

suite("contents of every size come back", async (blobs) => {
  const sizes = [0, 1, CONTENT_BYTES - 1, CONTENT_BYTES, CONTENT_BYTES + 1, 3 * CONTENT_BYTES + 7];
  for (const size of sizes) {
    const content = new Uint8Array(randomBytes(size));
    const digest = await blobs.put(content);
    assert.equal(digest, digestOf(content));
    assert.deepEqual(await blobs.get(digest), content, `${size} bytes`);
    assert.equal(await blobs.put(content), digest);
    await blobs.check(digest);
    assert.deepEqual(await blobs.get(digest), content, `${size} bytes, stored again`);
  }
});

suite("a missing blob is reported as missing", async (blobs) => {
  const digest = digestOf(new Uint8Array([1]));
  for (const read of [() => blobs.get(digest), () => blobs.check(digest)]) {
    await assert.rejects(
      read(),
      (error) => error instanceof BlobError && / is missing$/.test(error.message),
    );
  }
});

suite("a blob is old from the last time it was stored", async (blobs, between) => {
  const content = new Uint8Array(randomBytes(100));
  const digest = await blobs.put(content);
  const first = await between();
  assert.deepEqual(await blobs.storedBefore(shardOf(digest), first), [digest]);
  assert.deepEqual(await blobs.storedBefore((shardOf(digest) + 1) % 256, first), []);
  // A commit of the same content comes between the query of the sweep and its deletion.
  await blobs.put(content);
  assert.deepEqual(await blobs.storedBefore(shardOf(digest), first), []);
  await blobs.deleteStoredBefore(digest, first);
  assert.deepEqual(await blobs.get(digest), content);
  await blobs.deleteStoredBefore(digest, await between());
  await assert.rejects(blobs.get(digest), /is missing/);
  await blobs.put(content);
  assert.deepEqual(await blobs.get(digest), content);
});

suite("a blob that is stored while it is deleted for its age is there", async (blobs, between) => {
  const contents = Array.from({ length: 20 }, () => new Uint8Array(randomBytes(CONTENT_BYTES + 1)));
  await Promise.all(contents.map((content) => blobs.put(content)));
  const before = await between();
  await Promise.all(contents.flatMap((content) => [
    blobs.deleteStoredBefore(digestOf(content), before),
    blobs.put(content),
  ]));
  for (const content of contents) {
    assert.deepEqual(await blobs.get(digestOf(content)), content);
  }
});

suite("a blob that is old is kept while its row is to come", async (blobs) => {
  const digest = digestOf(new Uint8Array([2]));
  const written = Promise.withResolvers<void>();
  const storing = blobs.storing(async () => {
    await blobs.put(new Uint8Array([2]));
    await written.promise;
  });
  const collecting = blobs.collect([digest], () => Promise.resolve(new Set([digest])));
  written.resolve();
  await storing;
  assert.deepEqual(await collecting, []);
  await blobs.check(digest);
});

suite("a collection waits for rows to come, and keeps what is stored meanwhile", async (blobs) => {
  const contents = [1, 2, 3].map((byte) => new Uint8Array([byte]));
  const [early, late, unused] = await Promise.all(contents.map((each) => blobs.put(each))) as [
    string,
    string,
    string,
  ];
  const referenced = new Set<string>();
  const written = Promise.withResolvers<void>();
  const storing = blobs.storing(async () => {
    await written.promise;
    referenced.add(early);
  });
  const collecting = blobs.collect([early, late, unused], async () => {
    const found = new Set(referenced);
    await blobs.storing(() => blobs.put(contents[1] as Uint8Array));
    return found;
  });
  await blobs.check(unused);
  written.resolve();
  await Promise.all([storing, collecting]);
  await blobs.check(early);
  await blobs.check(late);
  await assert.rejects(blobs.check(unused), /is missing/);
});

suite("blobs of any age are collected, and can be stored again", async (blobs) => {
  const contents = Array.from({ length: 20 }, () => new Uint8Array(randomBytes(500)));
  const digests = await Promise.all(contents.map((each) => blobs.put(each)));
  assert.deepEqual(await blobs.collect(digests, NO_ROWS), []);
  for (const digest of digests) await assert.rejects(blobs.check(digest), /is missing/);
  assert.deepEqual(await Promise.all(contents.map((each) => blobs.put(each))), digests);
  for (const digest of digests) await blobs.check(digest);
});
