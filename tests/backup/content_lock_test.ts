/** While a backup reads, no content is deleted: by the lock of a data directory, and by that of PostgreSQL. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { BlobError } from "../../src/store/blobs/blob_error.ts";
import { holdContents } from "../../src/store/content_lock.ts";
import { openStore, type Store } from "../../src/store/mod.ts";
import { PostgresReading } from "../../src/store/postgres/snapshot.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestPostgres } from "../support/postgres.ts";
import { openPostgresStore, postgresOptions } from "../support/stores.ts";
import { noise } from "../volumes/support.ts";

const NO_ROWS = () => Promise.resolve(new Set<string>());

/** Takes the lock as a backup does. @param onWait called if another process holds the lock */
type Hold = (onWait: () => void) => Promise<AsyncDisposable>;

/** Contents of a node, and the deletions that must wait for a reader. */
async function contentsOf({ commitBlobs, volumeBlobs }: Store) {
  const collected = await commitBlobs.put(noise(1_000, 1));
  const swept = await commitBlobs.put(noise(1_000, 2));
  await using staged = volumeBlobs.stage();
  const content = noise(50_000, 3);
  await staged.write(0, content);
  const published = await volumeBlobs.publish([staged]);
  volumeBlobs.release(published);
  const [{ digest: inVolume } = { digest: "" }] = published;
  const later = new Date(Date.now() + 60_000);
  const collect = () => commitBlobs.collect([collected], NO_ROWS);
  return {
    collected,
    collect,
    async deleteAll() {
      await volumeBlobs.collect([inVolume]);
      await commitBlobs.deleteStoredBefore(swept, later);
      return await collect();
    },
    async checkKept() {
      await commitBlobs.get(collected);
      await commitBlobs.get(swept);
      (await volumeBlobs.open(inVolume, content.length))[Symbol.dispose]();
    },
    async checkDeleted() {
      for (const digest of [collected, swept]) {
        await assert.rejects(commitBlobs.get(digest), BlobError);
      }
      await assert.rejects(volumeBlobs.open(inVolume, content.length), BlobError);
    },
  };
}

/**
 * Checks that the deletions of all nodes wait for the end of the last hold, that readers do not wait for each other, and
 * that no deletion fails for another one.
 */
async function checkLock(nodes: readonly Store[], hold: Hold): Promise<void> {
  const all = await Promise.all(nodes.map(contentsOf));
  const noWait = () => assert.fail("only readers hold the lock");
  {
    await using _first = await hold(noWait);
    {
      await using _second = await hold(noWait);
    }
    for (const { deleteAll, collected, checkKept } of all) {
      assert.deepEqual(await deleteAll(), [collected]);
      await checkKept();
    }
  }
  const collects = all.flatMap(({ collect }) => [collect, collect, collect]);
  const held = await Promise.all(collects.map((collect) => collect()));
  assert.deepEqual(held, collects.map(() => []));
  for (const { deleteAll, checkDeleted } of all) {
    assert.deepEqual(await deleteAll(), []);
    await checkDeleted();
  }
}

Deno.test("a backup holds the contents of a data directory", async () => {
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path);
  await checkLock([store], async (onWait) => {
    const held = await holdContents(directory.path, onWait);
    return { [Symbol.asyncDispose]: () => Promise.resolve(held[Symbol.dispose]()) };
  });
});

Deno.test("a backup holds the contents that nodes share", async () => {
  await using directory = await makeTempDir();
  await using postgres = await TestPostgres.start();
  const url = await postgres.database();
  const open = (node: string) => openPostgresStore(join(directory.path, node), url, false);
  await using first = await open("first");
  await using second = await open("second");
  // Each node has contents of its own here, under the lock of all nodes.
  await checkLock([first, second], async (onWait) => {
    const reading = await PostgresReading.open(postgresOptions(url, false));
    await reading.holdContents(onWait);
    return reading;
  });
});
