/** How large objects are cut for S3 and retained meanwhile, and how long lists of S3 are read. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { CHUNK_BYTES, sealedSize } from "../../src/cluster/objects/codec.ts";
import { S3Client } from "../../src/cluster/objects/s3/client.ts";
import { eachDigest } from "../../src/cluster/objects/s3/listing.ts";
import { Retaining } from "../../src/cluster/objects/retentions.ts";
import { PART_BYTES, partBytesFor, PARTS_MAX } from "../../src/cluster/objects/s3/upload.ts";
import { openS3Node } from "../support/blob_stores.ts";
import { readListing, readUploads } from "../../src/cluster/objects/s3/xml.ts";
import { eventually } from "../support/eventually.ts";
import { randomObject } from "../support/random_objects.ts";
import { S3Front } from "../support/s3_front.ts";
import { S3_KEYS, sharedS3 } from "../support/s3.ts";

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

Deno.test("an object is retained while its content is under way, and no longer than that", async () => {
  const { object } = randomObject(1);
  const uploaded = Promise.withResolvers<void>();
  const changes: string[] = [];
  await using retentions = new Retaining({
    ensure: () => uploaded.promise,
    renew: () => Promise.resolve(void changes.push("renewed")),
    release: () => Promise.resolve(void changes.push("released")),
  }, 1);
  const retained = retentions.retain(object);
  await eventually(() => changes.length >= 2 || undefined, "renewals");
  uploaded.resolve();
  await retained;
  retentions.release(object.digest);
  await eventually(() => changes.includes("released") || undefined, "a release");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(changes.at(-1), "released");
  const failed = new Retaining({
    ensure: () => Promise.reject(new Error("full")),
    renew: () => assert.fail("what is not there was retained"),
    release: () => Promise.resolve(),
  }, 1);
  await assert.rejects(failed.retain(object), /full/);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await failed[Symbol.asyncDispose]();
});

Deno.test("a list of S3 that is broken is rejected, in a time that grows with its length", () => {
  const list = (content: string) => `<ListBucketResult>${content}</ListBucketResult>`;
  const object = "<Contents><Key>k</Key><LastModified>2026-12-01T00:00:00Z</LastModified>" +
    "<Size>7</Size></Contents>";
  const { objects, isTruncated } = readListing(
    list(`${object}<IsTruncated>true</IsTruncated>${object}`),
    null,
  );
  assert.deepEqual(objects.map(({ key, size }) => [key, size]), [["k", 7], ["k", 7]]);
  assert.ok(isTruncated);
  assert.deepEqual(readListing(list(""), null).objects, []);
  // The largest answer that is read: with time that grows with the square of its length, this takes minutes.
  for (const element of ["<Contents>", "<Upload>"]) {
    const broken = list(element.repeat(4 * 1024 * 1024 / element.length));
    const read = element === "<Upload>" ? readUploads : readListing;
    assert.throws(() => read(broken, null), /without an end/);
  }
  const nested = list(`<Contents>${"<Key>".repeat(800_000)}</Contents>`);
  assert.throws(() => readListing(nested, null), /without its size or time/);
  assert.throws(
    () => readListing(list("<IsTruncated>true</IsTruncated>"), null),
    /cut before its first object/,
  );
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

Deno.test("slow uploads of large objects do not keep others from their upload", async () => {
  const s3 = await sharedS3();
  await using front = await S3Front.before(s3.port);
  await using node = await openS3Node(s3.address(front.port));
  const { commits } = node.objects;
  const slow: ServerResponse[] = [];
  front.answer = (answer) => {
    const isPart = answer.req.url?.includes("partNumber=1&") ?? false;
    return isPart && slow.length < 4 && slow.push(answer) > 0;
  };
  const objects = Array.from({ length: 4 }, () => randomObject(PART_BYTES + 1).object);
  let stored = 0;
  const storing = objects.map((object) => commits.store(object).then(() => stored++));
  await eventually(() => slow.length === 4 || undefined, "slow uploads");
  await commits.store(randomObject(PART_BYTES + 1).object);
  assert.equal(stored, 0);
  for (const answer of slow) answer.destroy();
  await Promise.all(storing);
});

Deno.test("an upload of any age continues while a node retains its object", async () => {
  const s3 = await sharedS3();
  await using front = await S3Front.before(s3.port);
  const address = s3.address(front.port);
  const written: string[] = [];
  front.answer = (answer, method) => {
    if (method !== "GET") written.push(`${method} ${answer.req.url?.split("/").at(-1)}`);
    return false;
  };
  await using node = await openS3Node(address);
  const { commits } = node.objects;
  const client = new S3Client(address, S3_KEYS);
  const { object } = randomObject(PART_BYTES + 1);
  const key = `${address.prefix}commits/${object.digest}/content-${randomUUID()}`;
  await client.request(key, { method: "POST", query: { uploads: "" } });
  const uploads = async () => {
    const query = { uploads: "", prefix: address.prefix };
    return new TextDecoder().decode((await client.request("", { query })).body);
  };
  // S3 has times in seconds.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const before = new Date();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await commits.retain(object);
  assert.match(written.at(-2) ?? "", /^POST content-.*uploadId=/);
  assert.match(written.at(-1) ?? "", /^PUT retained-/);
  await commits.removeStrays(before);
  assert.match(await uploads(), /<UploadId>/);
  await commits.removeStrays(new Date(Date.now() + 60_000));
  assert.doesNotMatch(await uploads(), /<UploadId>/);
});
