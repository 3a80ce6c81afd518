/** What nodes that share objects do alike, whatever stores the objects. */
import assert from "node:assert/strict";
import { CONTENT_BYTES } from "../../src/cluster/objects/codec.ts";
import { type ObjectBucket, ObjectError } from "../../src/shared/objects.ts";
import type { OpenObjects } from "../support/blob_stores.ts";
import { eventually } from "../support/eventually.ts";
import { randomObject } from "../support/random_objects.ts";

const ALL = (digests: readonly string[]) => Promise.resolve(digests);
export const FUTURE = () => new Date(Date.now() + 60_000);

export async function isMissing(bucket: ObjectBucket, digest: string): Promise<void> {
  for (const look of [() => bucket.read(digest), () => bucket.check(digest)]) {
    await assert.rejects(
      look(),
      (error) => error instanceof ObjectError && error.damage === "is missing",
    );
  }
}

/**
 * Of one node that retains an object and one that collects it, one is first.
 * @param open opens a further node on the same objects
 * @param retain retains the object for the first time
 * @param collected checks what a collection has left
 */
export async function retainsOrCollects(
  open: () => Promise<OpenObjects>,
  rounds: number,
  retain: (work: () => Promise<void>) => Promise<void> = (work) => work(),
  collected: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await using a = await open();
  await using b = await open();
  const [retains, collects] = [a.objects.commits, b.objects.commits];
  const { content, object } = randomObject(CONTENT_BYTES + 1);
  await retain(() => retains.retain(object));
  assert.deepEqual(await collects.collect([object.digest], ALL), [object.digest]);
  assert.deepEqual(await collects.storedBefore([object.digest], FUTURE()), []);
  await collects.deleteStoredBefore(object.digest, FUTURE());
  await collects.check(object.digest);
  retains.release(object.digest);
  await eventually(
    async () => (await collects.collect([object.digest], ALL)).length === 0 || undefined,
  );
  await isMissing(collects, object.digest);
  await collected();

  for (let round = 0; round < rounds; round++) {
    await collects.store(object);
    // Retained between the look for what nodes retain and the deletion, or beside both.
    const isBetween = round % 2 === 0;
    const retaining = isBetween ? undefined : retains.retain(object);
    await collects.collect([object.digest], async (digests) => {
      if (isBetween) await retains.retain(object);
      return digests;
    });
    await retaining;
    await using fresh = await open();
    assert.deepEqual(await fresh.objects.commits.read(object.digest), content, `round ${round}`);
    retains.release(object.digest);
  }
}
