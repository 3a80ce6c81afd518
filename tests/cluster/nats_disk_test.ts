/** What API nodes have stored in a NATS whose disk is full. */
import assert from "node:assert/strict";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { join } from "node:path";
import { CHUNK_BYTES } from "../../src/cluster/objects/codec.ts";
import { Layout } from "../../src/cluster/objects/layout.ts";
import type { ObjectContent } from "../../src/shared/objects.ts";
import { openNode } from "../support/blob_stores.ts";
import { SmallDisk } from "../support/disk.ts";
import { eventually } from "../support/eventually.ts";
import { randomObject } from "../support/random_objects.ts";
import { TestNats } from "../support/nats.ts";

const LAYOUT = new Layout("invoked_commits");
const MEBIBYTE = 1024 * 1024;
/** More than a block of a stream, so that the last one has nothing but deleted messages. */
const DELETED_CHUNKS = 48;

async function startOn(disk: SmallDisk): Promise<TestNats> {
  const storeDir = join(disk.path, "streams");
  return await TestNats.start({ storeDir, maxFileStore: 48 * MEBIBYTE, syncInterval: "always" });
}

/** Whether another node, which has none of them in its cache, reads the objects. */
async function areReadable(nats: TestNats, objects: readonly ObjectContent[]): Promise<void> {
  await using node = await openNode(nats);
  for (const { digest } of objects) {
    await node.objects.commits.check(digest);
    await node.objects.commits.read(digest);
  }
}

Deno.test("nodes that probe a full disk of NATS lose no object", async () => {
  await using disk = await SmallDisk.mount(96);
  await using nats = await startOn(disk);
  await using node = await openNode(nats);
  const { commits } = node.objects;
  const objects = [randomObject(500).object, randomObject(500).object];
  for (const object of objects) await commits.store(object);
  for (let probes = 0; probes < DELETED_CHUNKS / 4; probes++) await commits.probe();

  await disk.fill();
  for (let probes = 0; probes < 3; probes++) {
    await assert.rejects(commits.probe(), { code: "OBJECTS_FULL" });
    await areReadable(nats, objects);
  }
  await disk.free();
  await commits.probe();
  await areReadable(nats, objects);
});

Deno.test("a stream that a full disk has damaged takes nothing, and has all after a restart", async () => {
  await using disk = await SmallDisk.mount(96);
  await using nats = await startOn(disk);
  await using node = await openNode(nats);
  const { commits } = node.objects;
  const objects = [randomObject(500).object, randomObject(500).object];
  for (const object of objects) await commits.store(object);
  const { streams } = await jetstreamManager(node.connection);
  const client = jetstream(node.connection);
  const subject = LAYOUT.chunkSubject("deleted");
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let chunks = 0; chunks < DELETED_CHUNKS; chunks++) await client.publish(subject, chunk);
  await streams.purge(LAYOUT.stream, { filter: subject });
  await disk.fill();
  await assert.rejects(client.publish(subject, chunk), /no space left on device/);
  const damaged = { code: "OBJECTS_DAMAGED", message: /then restart nats-server/ };
  await eventually(() => commits.check(objects[0]?.digest ?? "").then(() => undefined, () => true));
  await disk.free();

  // One that is there and one that is new: neither is acknowledged, and nothing is destroyed.
  for (const object of [objects[0] as ObjectContent, randomObject(500).object]) {
    await assert.rejects(commits.store(object), damaged);
    await assert.rejects(commits.retain(object), damaged);
  }
  await assert.rejects(commits.probe(), damaged);
  await assert.rejects(areReadable(nats, objects), damaged);

  await nats.stop();
  await nats.restart();
  await eventually(() => commits.probe().then(() => true, () => undefined));
  await areReadable(nats, objects);
  const late = randomObject(500).object;
  await commits.store(late);
  await areReadable(nats, [...objects, late]);
});
