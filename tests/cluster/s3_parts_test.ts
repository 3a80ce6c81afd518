/** How large objects are cut for S3, and how long lists of S3 are read. */
import assert from "node:assert/strict";
import { CHUNK_BYTES, sealedSize } from "../../src/cluster/objects/codec.ts";
import { eachDigest } from "../../src/cluster/objects/s3/listing.ts";
import { PART_BYTES, partBytesFor, PARTS_MAX } from "../../src/cluster/objects/s3/upload.ts";

const GIB = 1024 ** 3;

Deno.test("an object of any size that a volume may have fits into the parts of S3", () => {
  const full = PARTS_MAX * PART_BYTES;
  const largest = sealedSize(1024 * GIB);
  for (const size of [0, 1, PART_BYTES, full - 1, full]) {
    assert.equal(partBytesFor(size), PART_BYTES, `${size}`);
  }
  for (const size of [full + 1, 2 * full, 2 * full + 1, sealedSize(100 * GIB), largest]) {
    const partBytes = partBytesFor(size);
    assert.ok(Math.ceil(size / partBytes) <= PARTS_MAX, `${size}`);
    // No larger than it must be: a part is in memory.
    assert.ok((partBytes - CHUNK_BYTES) * PARTS_MAX < size, `${size}`);
    assert.equal(partBytes % CHUNK_BYTES, 0);
  }
  assert.throws(() => partBytesFor(2048 * GIB), /too large for S3: it has more than 10000 parts/);
});

Deno.test("each object of a long list comes once, with all of its keys", async () => {
  const digests = ["a", "b", "c"].map((digit) => digit.repeat(64));
  const keyed = digests.flatMap((digest) =>
    ["content", "stored", "x"].map((name) => [digest, name])
  );
  const objects = keyed.map(([digest, name]) => {
    return { key: `kind/${digest}/${name}`, size: 1, storedAt: new Date(0) };
  });
  for (let length = 1; length <= objects.length; length++) {
    const pages = async function* () {
      for (let at = 0; at < objects.length; at += length) {
        yield { objects: objects.slice(at, at + length), time: new Date(0) };
      }
    };
    const found = (await Array.fromAsync(eachDigest(pages(), "kind/"))).flat();
    const names = found.map(([digest, listing]) => [digest, listing.objects.length]);
    assert.deepEqual(names, digests.map((digest) => [digest, 3]), `pages of ${length}`);
  }
});
