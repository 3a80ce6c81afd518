/** Objects in S3: what only several nodes or a faulty S3 show. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { CHUNK_BYTES, CONTENT_BYTES } from "../../src/cluster/objects/codec.ts";
import { Grants, openGrant } from "../../src/cluster/objects/grants.ts";
import { getByUrl, S3Client } from "../../src/cluster/objects/s3/client.ts";
import { PART_BYTES } from "../../src/cluster/objects/s3/upload.ts";
import type { S3Address } from "../../src/config/mod.ts";
import { digestOf } from "../../src/store/blobs/commit_blobs.ts";
import { openStore } from "../../src/store/mod.ts";
import { ObjectError, ObjectsUnavailable } from "../../src/shared/objects.ts";
import { openS3Node } from "../support/blob_stores.ts";
import { makeTempDir } from "../support/invoked.ts";
import { digestsIn, randomObject } from "../support/random_objects.ts";
import { reject, S3Front } from "../support/s3_front.ts";
import { S3_KEYS, sharedS3 } from "../support/s3.ts";
import { FUTURE, isMissing, retainsOrCollects } from "./object_cases.ts";

async function keysIn(address: S3Address): Promise<string[]> {
  const { objects } = await new S3Client(address, S3_KEYS).list(`${address.prefix}commits/`);
  return objects.map(({ key }) => key.split("/").at(-1) ?? "");
}

function isContent(name: string): boolean {
  return name.startsWith("content-");
}

/** Whether a request joins the parts of an upload. */
function isCompletion(method: string, url = ""): boolean {
  return method === "POST" && url.includes("uploadId=");
}

Deno.test("nodes share objects in S3, and do not send content again that is there", async () => {
  const address = (await sharedS3()).address();
  await using a = await openS3Node(address);
  await using b = await openS3Node(address);
  const { content, object } = randomObject(3 * CONTENT_BYTES);
  await a.objects.commits.store(object);
  const unread = { ...object, read: () => assert.fail("the content was read") };
  await b.objects.commits.store(unread);
  await b.objects.commits.retain(unread);
  assert.deepEqual(await b.objects.commits.read(object.digest), content);
  assert.equal(await b.objects.commits.check(object.digest), content.length);
  assert.deepEqual(await digestsIn(a.objects.commits), [object.digest]);
  const shard = object.digest.slice(0, 2);
  assert.deepEqual(await digestsIn(a.objects.commits, shard), [object.digest]);
  assert.deepEqual(await digestsIn(a.objects.volumes), []);
  await isMissing(a.objects.volumes, object.digest);
});

Deno.test("a large object is sent in parts, and every range comes back", async () => {
  const address = (await sharedS3()).address();
  await using node = await openS3Node(address);
  for (const size of [PART_BYTES - CHUNK_BYTES, PART_BYTES, 2 * PART_BYTES + 5]) {
    const { content, object } = randomObject(size);
    await node.objects.volumes.store(object);
    await using other = await openS3Node(address);
    assert.equal(await other.objects.volumes.check(object.digest), size);
    const open = await other.objects.volumes.open(object.digest);
    for (const at of [size - 1, 0, CONTENT_BYTES, 2 * CONTENT_BYTES + 1, size >> 1, 7]) {
      const bytes = await open.read(at, 9);
      assert.ok(bytes.length > 0);
      assert.deepEqual(bytes, content.slice(at, at + bytes.length), `from ${at} of ${size}`);
    }
    assert.equal(digestOf(await other.objects.volumes.read(object.digest)), object.digest);
  }
});

Deno.test("of one node that retains an object in S3 and one that collects it, one is first", async () => {
  const address = (await sharedS3()).address();
  const isEmpty = async () => assert.deepEqual(await keysIn(address), []);
  await retainsOrCollects(() => openS3Node(address), 10, undefined, isEmpty);
});

Deno.test("a deletion that its caller does not allow leaves the object and no trace", async () => {
  const address = (await sharedS3()).address();
  await using node = await openS3Node(address);
  const { commits } = node.objects;
  const { content, object } = randomObject(10);
  await commits.store(object);
  assert.deepEqual(await commits.collect([object.digest], () => Promise.resolve([])), []);
  await assert.rejects(
    commits.collect([object.digest], () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.equal((await keysIn(address)).length, 2);
  assert.deepEqual(await commits.read(object.digest), content);
});

Deno.test("a deletion whose announcement is older than 15 minutes deletes nothing", async () => {
  const address = (await sharedS3()).address();
  const client = new S3Client(address, S3_KEYS);
  const key = `${address.prefix}key`;
  await client.put(key, new Uint8Array(1));
  await assert.rejects(client.delete(key, new Date(Date.now() - 16 * 60_000)), ObjectsUnavailable);
  await client.get(key);
  await client.delete(key, new Date(Date.now() - 10 * 60_000));
  await assert.rejects(client.get(key), /404 NoSuchKey/);
});

Deno.test("what interrupted work has left in S3 is removed, and nothing else", async () => {
  const address = (await sharedS3()).address();
  await using node = await openS3Node(address);
  const { commits } = node.objects;
  const { content, object } = randomObject(CONTENT_BYTES);
  await commits.retain(object);
  const client = new S3Client(address, S3_KEYS);
  const below = (digest: string) => `${address.prefix}commits/${digest}/`;
  const lost = digestOf(new Uint8Array([1]));
  const [id] = (await keysIn(address)).filter(isContent);
  // Of a node that died while it deleted the object, of one that retained it, and of an upload without an end.
  await client.put(
    `${below(object.digest)}deleting-${id?.slice("content-".length)}-dead`,
    new Uint8Array(),
  );
  await client.put(`${below(object.digest)}retained-dead`, new Uint8Array());
  await client.put(`${below(lost)}stored`, new Uint8Array());
  const upload = `${below(lost)}content-${randomUUID()}`;
  await client.request(upload, { method: "POST", query: { uploads: "" } });
  const uploads = async () => {
    const query = { uploads: "", prefix: address.prefix };
    return new TextDecoder().decode((await client.request("", { query })).body);
  };
  assert.match(await uploads(), /<UploadId>/);
  await commits.removeStrays();
  assert.equal((await keysIn(address)).length, 5, "young ones may belong to work under way");
  assert.match(await uploads(), /<UploadId>/);

  await commits.removeStrays(FUTURE());
  assert.deepEqual((await keysIn(address)).filter((name) => name !== "stored"), [id]);
  assert.doesNotMatch(await uploads(), /<UploadId>/);
  assert.deepEqual(await digestsIn(commits), [object.digest]);
  assert.deepEqual(await commits.read(object.digest), content);
});

Deno.test("an object in S3 that was changed, exchanged, cut or lost is rejected, and can be stored again", async () => {
  const address = (await sharedS3()).address();
  await using writer = await openS3Node(address);
  const client = new S3Client(address, S3_KEYS);
  const other = randomObject(3 * CONTENT_BYTES).object;
  await writer.objects.commits.store(other);
  const changes: Record<string, (bytes: Uint8Array, foreign: Uint8Array) => Uint8Array> = {
    "a changed byte": (bytes) => bytes.map((byte, at) => at === 100 ? byte ^ 1 : byte),
    "a byte of a later chunk": (bytes) =>
      bytes.map((byte, at) => at === 2 * CHUNK_BYTES + 50 ? byte ^ 1 : byte),
    "the content of another object": (_, foreign) => foreign,
    "without its end": (bytes) => bytes.slice(0, -CHUNK_BYTES),
    "nothing": () => new Uint8Array(),
  };
  const keyOf = async (digest: string) => {
    const { objects } = await client.list(`${address.prefix}commits/${digest}/content-`);
    return objects[0]?.key ?? "";
  };
  for (const [name, change] of Object.entries(changes)) {
    const { content, object } = randomObject(3 * CONTENT_BYTES);
    await writer.objects.commits.store(object);
    const key = await keyOf(object.digest);
    const changed = change(await client.get(key), await client.get(await keyOf(other.digest)));
    await client.put(key, Uint8Array.from(changed));
    await using node = await openS3Node(address);
    await assert.rejects(node.objects.commits.read(object.digest), ObjectError, name);
    if (changed.length < content.length) {
      await node.objects.commits.store(object);
      assert.deepEqual(await node.objects.commits.read(object.digest), content, name);
    }
  }
  const { content, object } = randomObject(10);
  await writer.objects.commits.store(object);
  await client.delete(await keyOf(object.digest));
  await using node = await openS3Node(address);
  await isMissing(node.objects.commits, object.digest);
  await node.objects.commits.store(object);
  // The first node knows the content by its earlier key.
  assert.deepEqual(await writer.objects.commits.read(object.digest), content);
});

Deno.test("workers get the URL of the content that this node has stored last", async () => {
  await using node = await openS3Node((await sharedS3()).address());
  const { commits } = node.objects;
  const { object } = randomObject(10);
  const urlOf = async () => openGrant(await node.objects.grantOf(object.digest)).url ?? "";
  await commits.store(object);
  const first = await urlOf();
  await commits.deleteStoredBefore(object.digest, FUTURE());
  assert.equal(await urlOf(), "");
  await commits.store(object);
  const second = await urlOf();
  assert.notEqual(second, first);
  const { signal } = new AbortController();
  assert.ok((await getByUrl(second, "bytes=0-", 1024, signal)).length > 10);
});

Deno.test("an old URL is used only if the store does not answer, which invocations await once", async () => {
  let now = 0;
  let find = () => Promise.resolve<string | undefined>("http://a");
  const urls = { findUrl: () => find(), onMoved() {} };
  const grants = new Grants(() => new Uint8Array(32), urls, () => now);
  const urlOf = async (digest: string) => openGrant(await grants.of(digest)).url;
  const atOnce = (url: Promise<string | undefined>) =>
    Promise.race([url, new Promise((resolve) => setTimeout(resolve, 0, "is awaited"))]);
  assert.equal(await urlOf("x"), "http://a");
  now += 25 * 60 * 60_000;
  find = () => Promise.resolve("http://b");
  assert.equal(await urlOf("x"), "http://b");
  now += 25 * 60 * 60_000;
  find = () => Promise.reject(new Error("away"));
  assert.equal(await urlOf("x"), "http://b");
  find = () => Promise.withResolvers<string>().promise;
  const slow = urlOf("y");
  assert.equal(await atOnce(slow), "is awaited");
  assert.equal(await slow, undefined);
  assert.equal(await atOnce(urlOf("y")), undefined);
  find = () => Promise.resolve(undefined);
  assert.equal(await urlOf("x"), undefined);
});

Deno.test("a busy S3 is asked again; one that is full, away or rejects the key is unavailable", async (t) => {
  const s3 = await sharedS3();
  await using front = await S3Front.before(s3.port);
  const address = s3.address(front.port);
  await using node = await openS3Node(address);
  const { commits } = node.objects;
  const unavailable = async (code: string) => {
    const { object } = randomObject(2 * CONTENT_BYTES);
    await Promise.all(
      [commits.store(object), commits.check(object.digest), commits.probe()].map((use) =>
        assert.rejects(use, (error) => error instanceof ObjectsUnavailable && error.code === code)
      ),
    );
  };

  await t.step("every second request meets SlowDown", async () => {
    let requests = 0;
    front.answer = (answer) => ++requests % 2 === 1 && reject(answer, 503, "SlowDown");
    const { object } = randomObject(PART_BYTES + 1);
    await commits.store(object);
    assert.equal(digestOf(await commits.read(object.digest)), object.digest);
    assert.ok(requests > 8);
  });
  await t.step("a connection that breaks in the answer", async () => {
    let requests = 0;
    front.answer = (answer) => {
      if (++requests % 2 === 0) return false;
      answer.writeHead(200, { "content-length": "100" }).flushHeaders();
      answer.write("a");
      answer.destroy();
      return true;
    };
    const { content, object } = randomObject(CONTENT_BYTES + 1);
    await commits.store(object);
    assert.deepEqual(await commits.read(object.digest), content);
  });
  await t.step(
    "an upload that S3 reports as failed after status 200 is completed again",
    async () => {
      let completions = 0;
      front.answer = (answer, method) =>
        isCompletion(method, answer.req.url) && ++completions <= 2 &&
        reject(answer, 200, "InternalError");
      const { object } = randomObject(PART_BYTES + 1);
      await commits.store(object);
      assert.equal(completions, 3);
      assert.equal(digestOf(await commits.read(object.digest)), object.digest);

      let empty = 0;
      front.answer = (answer, method) =>
        isCompletion(method, answer.req.url) && ++empty <= 2 && !!answer.writeHead(200).end();
      const { object: unanswered } = randomObject(PART_BYTES + 1);
      await commits.store(unanswered);
      assert.equal(empty, 3);
      assert.equal(digestOf(await commits.read(unanswered.digest)), unanswered.digest);

      front.answer = (answer, method) =>
        isCompletion(method, answer.req.url) && reject(answer, 200, "InvalidPart");
      const { object: broken } = randomObject(PART_BYTES + 1);
      await assert.rejects(commits.store(broken), /S3 answered 200 InvalidPart/);
      front.answer = () => false;
      await isMissing(commits, broken.digest);
    },
  );
  await t.step("an upload whose last answer is lost has become the object", async () => {
    let completions = 0;
    front.loses = isCompletion;
    // As S3 answers; Swift remembers the upload.
    front.answer = (answer, method) =>
      isCompletion(method, answer.req.url) && ++completions > 1 &&
      reject(answer, 404, "NoSuchUpload");
    const { object } = randomObject(PART_BYTES + 1);
    await commits.store(object);
    assert.equal(completions, 2);
    assert.equal(digestOf(await commits.read(object.digest)), object.digest);
    front.loses = () => false;
    front.answer = () => false;
  });
  await t.step("a read by URL ends with its signal while S3 is silent", async () => {
    const { object } = randomObject(10);
    await commits.store(object);
    const { url = "" } = openGrant(await node.objects.grantOf(object.digest));
    const stopping = new AbortController();
    let requests = 0;
    front.answer = () => {
      requests++;
      stopping.abort();
      return true;
    };
    await assert.rejects(getByUrl(url, "bytes=0-", 1024, stopping.signal), ObjectsUnavailable);
    assert.equal(requests, 1);
    front.answer = () => false;
  });
  await t.step("leftovers that cannot be removed do not end a collection", async () => {
    await using directory = await makeTempDir();
    const { objects } = node;
    const options = { onSyncFailure() {}, checkKeys() {}, objects };
    await using store = await openStore(directory.path, options);
    const { object } = randomObject(10);
    await commits.store(object);
    front.answer = (answer) =>
      (answer.req.url ?? "").includes("uploads=") && reject(answer, 403, "AccessDenied");
    await assert.rejects(commits.removeStrays(), ObjectsUnavailable);
    await store.commitBlobs.storedBefore(0, FUTURE());
    await Array.fromAsync(store.volumeBlobs.storedDigests());
    front.answer = () => false;
  });
  await t.step("full", async () => {
    front.answer = (answer) => reject(answer, 507, "InsufficientStorage");
    await unavailable("OBJECTS_FULL");
  });
  await t.step("a revoked key", async () => {
    front.answer = (answer) => reject(answer, 403, "InvalidAccessKeyId");
    await unavailable("OBJECTS_DENIED");
  });
  await t.step("away", async () => {
    front.answer = (answer) => !!answer.destroy();
    await unavailable("OBJECTS_AWAY");
    front.answer = () => false;
    await commits.probe();
  });
  await t.step("an upload in parts that fails shows nothing of the object", async () => {
    const { object } = randomObject(2 * PART_BYTES);
    let parts = 0;
    front.answer = (answer, method) =>
      method === "PUT" && ++parts > 2 && reject(answer, 507, "InsufficientStorage");
    await assert.rejects(commits.store(object), ObjectsUnavailable);
    front.answer = () => false;
    await isMissing(commits, object.digest);
    assert.equal((await digestsIn(commits)).includes(object.digest), false);
    await commits.store(object);
    assert.equal(digestOf(await commits.read(object.digest)), object.digest);
  });
});
