/** Objects in NATS: what only several nodes, a hostile NATS or a faulty one show. */
import assert from "node:assert/strict";
import { jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import type { NatsConnection } from "@nats-io/transport-node";
import { randomBytes } from "node:crypto";
import { CHUNK_BYTES, CONTENT_BYTES } from "../../src/cluster/objects/codec.ts";
import { Layout } from "../../src/cluster/objects/layout.ts";
import { digestOf } from "../../src/store/blobs/commit_blobs.ts";
import { ObjectError, ObjectsUnavailable } from "../../src/shared/objects.ts";
import { openStore } from "../../src/store/mod.ts";
import { openNode } from "../support/blob_stores.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { digestsIn, objectOf, randomObject } from "../support/random_objects.ts";
import { TestNats } from "../support/nats.ts";
import { FUTURE, isMissing, retainsOrCollects } from "./object_cases.ts";

const LAYOUT = new Layout("invoked_commits");

async function chunksIn(manager: JetStreamManager): Promise<number> {
  const { state } = await manager.streams.info(LAYOUT.stream, {
    subjects_filter: LAYOUT.allChunks,
  });
  return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
}

Deno.test("nodes share objects, and do not send content again that is there", async () => {
  await using nats = await TestNats.start();
  await using a = await openNode(nats);
  await using b = await openNode(nats);
  const manager = await jetstreamManager(a.connection);
  const { content, object } = randomObject(3 * CONTENT_BYTES);
  await a.objects.commits.store(object);
  assert.equal(await chunksIn(manager), 3);
  await b.objects.commits.store({ ...object, read: () => assert.fail("the content was read") });
  await b.objects.commits.retain({ ...object, read: () => assert.fail("the content was read") });
  assert.deepEqual(await b.objects.commits.read(object.digest), content);
  assert.equal(await chunksIn(manager), 3);
  assert.equal(await b.objects.commits.check(object.digest), content.length);

  // Both find that it is missing, and send it.
  const other = randomObject(2 * CONTENT_BYTES);
  await Promise.all([a, b].map(({ objects }) => objects.commits.retain(other.object)));
  assert.equal(await chunksIn(manager), 5);
  assert.deepEqual(await a.objects.commits.read(other.object.digest), other.content);
  await assert.rejects(a.objects.volumes.check(other.object.digest), /is missing/);
});

Deno.test("the tools of NATS read the sealed object, and nothing in it shows its content", async () => {
  await using nats = await TestNats.start();
  await using node = await openNode(nats);
  const content = new TextEncoder().encode("secret of a function ".repeat(20_000));
  const object = objectOf(content);
  await node.objects.commits.store(object);
  const store = await new Objm(node.connection).open(LAYOUT.bucket);
  const sealed = await store.getBlob(object.digest);
  assert.ok(sealed !== null && sealed.length > content.length);
  assert.equal(new TextDecoder("latin1").decode(sealed).includes("secret"), false);
});

Deno.test("objects that are sent at the same time lie between each other, and every range comes back", async () => {
  await using nats = await TestNats.start();
  await using node = await openNode(nats, { cacheBytes: 1 });
  const { commits } = node.objects;
  const all = Array.from({ length: 6 }, () => randomObject(9 * CONTENT_BYTES + 5));
  await Promise.all(all.map(({ object }) => commits.store(object)));
  for (const { content, object } of all) {
    assert.deepEqual(await commits.read(object.digest), content);
    const open = await commits.open(object.digest);
    for (const chunk of [7, 2, 9, 0, 8, 3, 3, 1]) {
      const at = chunk * CONTENT_BYTES + 1;
      assert.deepEqual(await open.read(at, 4), content.slice(at, at + 4), `chunk ${chunk}`);
    }
  }
});

Deno.test("a range fetches its own chunks alone, and chunks stay in the cache within its limit", async () => {
  await using nats = await TestNats.start();
  await using writer = await openNode(nats);
  await using node = await openNode(nats, { cacheBytes: 5 * CONTENT_BYTES });
  const { content, object } = randomObject(20 * CONTENT_BYTES);
  await writer.objects.volumes.store(object);
  const cached = async () =>
    (await Array.fromAsync(Deno.readDir(node.cacheDir), ({ name }) => name)).toSorted();
  const open = await node.objects.volumes.open(object.digest);
  const at = 15 * CONTENT_BYTES;
  assert.deepEqual(await open.read(at, 10), content.slice(at, at + 10));
  assert.deepEqual(await cached(), [`${object.digest}.0`, `${object.digest}.15`]);

  assert.deepEqual(await node.objects.volumes.read(object.digest), content);
  const names = await cached();
  assert.equal(names.length, 4, `${names}`);
  // What is cached is read without NATS.
  const [last = ""] = names.toSorted((x, y) => indexOf(y) - indexOf(x));
  const reader = await node.objects.volumes.open(object.digest);
  await nats.stop();
  const offset = indexOf(last) * CONTENT_BYTES;
  assert.deepEqual(await reader.read(offset, 5), content.slice(offset, offset + 5));
  await nats.restart();
});

async function rm(directory: string): Promise<void> {
  for await (const { name } of Deno.readDir(directory)) await Deno.remove(`${directory}/${name}`);
}

function indexOf(name: string): number {
  return Number(name.split(".")[1]);
}

Deno.test("chunks that are read one by one, as for workers, come once each", async () => {
  await using nats = await TestNats.start();
  await using writer = await openNode(nats);
  await using node = await openNode(nats);
  const { object } = randomObject(20 * CONTENT_BYTES);
  await writer.objects.commits.store(object);
  const before = node.connection.stats().inBytes;
  for (let index = 0; index < 20; index++) {
    await node.objects.chunkOf(object.digest, index, (load) => load());
  }
  const received = node.connection.stats().inBytes - before;
  assert.ok(received < 21 * CHUNK_BYTES, `${received} B`);
  // Stored again meanwhile, under other subjects.
  await using other = await openNode(nats);
  await writer.objects.commits.deleteStoredBefore(object.digest, FUTURE());
  await other.objects.commits.store(object);
  await rm(node.cacheDir);
  for (const index of [19, 3]) {
    await node.objects.chunkOf(object.digest, index, (load) => load());
  }
});

Deno.test("a cached chunk that was damaged is fetched again", async () => {
  await using nats = await TestNats.start();
  await using node = await openNode(nats);
  const { content, object } = randomObject(100);
  await node.objects.commits.store(object);
  await node.objects.commits.read(object.digest);
  await Deno.writeFile(`${node.cacheDir}/${object.digest}.0`, new Uint8Array(100));
  assert.deepEqual(await node.objects.commits.read(object.digest), content);
});

/** Replaces the chunks of an object by others, as somebody with access to NATS can. */
async function forge(
  connection: NatsConnection,
  digest: string,
  change: (chunks: Uint8Array[]) => Uint8Array[],
): Promise<void> {
  const manager = await jetstreamManager(connection);
  const record = LAYOUT.recordSubject(digest);
  const message = await manager.streams.getMessage(LAYOUT.stream, { last_by_subj: record });
  const { nuid } = message?.json() as { nuid: string };
  const subject = LAYOUT.chunkSubject(nuid);
  const chunks: Uint8Array[] = [];
  for (let seq = 1;;) {
    const next = await manager.direct.getMessage(LAYOUT.stream, { seq, next_by_subj: subject });
    if (next === null) break;
    chunks.push(next.data);
    seq = next.seq + 1;
  }
  await manager.streams.purge(LAYOUT.stream, { filter: subject });
  for (const chunk of change(chunks)) await jetstream(connection).publish(subject, chunk);
}

Deno.test("an object whose chunks were changed, moved, repeated or left out is rejected", async (t) => {
  await using nats = await TestNats.start();
  await using writer = await openNode(nats);
  const { object: other } = randomObject(3 * CONTENT_BYTES);
  await writer.objects.commits.store(other);
  const changes: Record<string, (chunks: Uint8Array[]) => Uint8Array[]> = {
    "a changed byte": ([first, ...rest]) => {
      const changed = Uint8Array.from(first as Uint8Array);
      changed[100] = (changed[100] as number) ^ 1;
      return [changed, ...rest];
    },
    "a changed size": ([first, ...rest]) => {
      const changed = Uint8Array.from(first as Uint8Array);
      changed[15] = (changed[15] as number) - 1;
      return [changed, ...rest];
    },
    "another order": ([a, b, ...rest]) => [b as Uint8Array, a as Uint8Array, ...rest],
    "a repeated chunk": ([a, , ...rest]) => [a as Uint8Array, a as Uint8Array, ...rest],
    "without the last chunk": (chunks) => chunks.slice(0, -1),
    "without any chunk": () => [],
    "a short chunk": ([a, ...rest]) => [(a as Uint8Array).slice(0, 20), ...rest],
    "an index beyond the end": ([a, ...rest]) => {
      const changed = Uint8Array.from(a as Uint8Array);
      changed[7] = 200;
      return [changed, ...rest];
    },
  };
  for (const [name, change] of Object.entries(changes)) {
    await t.step(name, async () => {
      const { object } = randomObject(3 * CONTENT_BYTES);
      await writer.objects.commits.store(object);
      await forge(writer.connection, object.digest, change);
      await using node = await openNode(nats);
      await assert.rejects(node.objects.commits.read(object.digest), ObjectError);
    });
  }
  await t.step("the chunks of another object", async () => {
    const { object } = randomObject(3 * CONTENT_BYTES);
    await writer.objects.commits.store(object);
    let foreign: Uint8Array[] = [];
    await forge(writer.connection, other.digest, (chunks) => foreign = chunks);
    await forge(writer.connection, object.digest, () => foreign);
    await using node = await openNode(nats);
    await assert.rejects(node.objects.commits.read(object.digest), /was changed/);
  });
  await t.step("stored again, the object is whole", async () => {
    const { content, object } = randomObject(3 * CONTENT_BYTES);
    await writer.objects.commits.store(object);
    await forge(writer.connection, object.digest, (chunks) => chunks.slice(1));
    await assert.rejects(writer.objects.commits.check(object.digest), /is missing/);
    await writer.objects.commits.store(object);
    assert.deepEqual(await writer.objects.commits.read(object.digest), content);
  });
});

Deno.test("without the key of its own an object does not open", async () => {
  await using nats = await TestNats.start();
  await using node = await openNode(nats);
  await using foreign = await openNode(nats);
  await foreign.objects.unlock(new Uint8Array(32).fill(8));
  const { object } = randomObject(100);
  await node.objects.commits.store(object);
  await assert.rejects(foreign.objects.commits.read(object.digest), /key is that of another/);
  await assert.rejects(foreign.objects.commits.store(object), /of another installation/);
  await node.objects.commits.read(object.digest);
});

/** Does work while the clock of this process is hours behind. */
async function withClockBehind(work: () => Promise<void>): Promise<void> {
  const { now } = Date;
  Date.now = () => now() - 5 * 60 * 60 * 1000;
  try {
    await work();
  } finally {
    Date.now = now;
  }
}

Deno.test("of one node that retains an object and one that collects it, one is first", async () => {
  await using nats = await TestNats.start();
  await retainsOrCollects(() => openNode(nats), 30, withClockBehind);
});

Deno.test("a full NATS takes no object, shows no part of one, and takes it when space is free", async () => {
  await using nats = await TestNats.start({ maxFileStore: 8 * 1024 * 1024 });
  await using node = await openNode(nats);
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path, {
    onSyncFailure() {},
    checkKeys() {},
    objects: node.objects,
  });
  const { commitBlobs } = store;
  const filling = new Uint8Array(randomBytes(5 * 1024 * 1024));
  const digest = await commitBlobs.put(filling);
  const { content, object } = randomObject(4 * 1024 * 1024);
  await assert.rejects(commitBlobs.put(content), {
    name: "StorageUnavailable",
    message: "the object store is full",
  });
  assert.equal(store.health.error?.message, "the object store is full");
  await isMissing(node.objects.commits, object.digest);
  assert.deepEqual(await digestsIn(node.objects.commits), [digest]);
  assert.deepEqual(await commitBlobs.get(digest), filling);
  // The database still takes writes.
  await store.write((tx) => tx.expired.erase("used_assertions", new Date().toISOString(), 100));

  await node.objects.commits.deleteStoredBefore(digest, FUTURE());
  await node.objects.commits.removeStrays(FUTURE());
  await store.health.available();
  await commitBlobs.put(content);
  assert.deepEqual(await commitBlobs.get(object.digest), content);
});

Deno.test("while NATS is away objects are unavailable, and afterwards they are there", async () => {
  await using nats = await TestNats.start();
  await using node = await openNode(nats);
  const { commits } = node.objects;
  const { content, object } = randomObject(2 * CONTENT_BYTES);
  const { object: late } = randomObject(100);
  await commits.store(object);
  await nats.stop("SIGKILL");
  await Promise.all([commits.store(late), commits.check(object.digest)].map((use) =>
    assert.rejects(
      use,
      (error) => error instanceof ObjectsUnavailable && error.code === "OBJECTS_AWAY",
    )
  ));
  await nats.restart();
  await eventually(() => commits.check(object.digest).catch(() => undefined));
  assert.deepEqual(await commits.read(object.digest), content);
  await commits.store(late);
  await commits.check(late.digest);
});

Deno.test("what interrupted uploads have left is removed, and nothing else", async () => {
  await using nats = await TestNats.start();
  await using node = await openNode(nats);
  const { commits } = node.objects;
  const manager = await jetstreamManager(node.connection);
  const { content, object } = randomObject(2 * CONTENT_BYTES);
  await commits.store(object);
  const client = jetstream(node.connection);
  // Of an upload whose record never came, and of one whose record another node wrote first.
  const unknown = digestOf(new Uint8Array([1]));
  for (const digest of [unknown, object.digest]) {
    await client.publish(LAYOUT.chunkSubject(`${digest}-stray`), new Uint8Array(100));
  }
  assert.equal(await chunksIn(manager), 4);

  await commits.removeStrays();
  assert.equal(await chunksIn(manager), 4, "young ones may belong to an upload under way");
  await commits.removeStrays(FUTURE());
  assert.equal(await chunksIn(manager), 2);
  assert.deepEqual(await digestsIn(commits), [object.digest]);
  assert.deepEqual(await commits.read(object.digest), content);
});

Deno.test("content of another digest or size than its own is not stored", async () => {
  await using nats = await TestNats.start();
  await using node = await openNode(nats);
  const { commits } = node.objects;
  const { object } = randomObject(CONTENT_BYTES + 1);
  const { content: false_ } = randomObject(CONTENT_BYTES + 1);
  for (const content of [false_, false_.slice(0, 7), new Uint8Array()]) {
    await assert.rejects(
      commits.store({
        ...object,
        async *read() {
          yield content;
        },
      }),
      /has another digest/,
    );
  }
  await isMissing(commits, object.digest);
});
