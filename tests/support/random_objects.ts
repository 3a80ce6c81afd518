/** Content for object stores. */
import { randomBytes } from "node:crypto";
import type { ObjectBucket, ObjectContent } from "../../src/shared/objects.ts";
import { digestOf } from "../../src/store/blobs/commit_blobs.ts";

export function objectOf(content: Uint8Array): ObjectContent {
  return {
    digest: digestOf(content),
    size: content.length,
    async *read() {
      yield content;
    },
  };
}

/** An object that no store has. @param size in bytes */
export function randomObject(size: number): { content: Uint8Array; object: ObjectContent } {
  const content = new Uint8Array(randomBytes(size));
  return { content, object: objectOf(content) };
}

/** The digests of all objects of a bucket, or of those whose digests begin so. */
export async function digestsIn(bucket: ObjectBucket, prefix?: string): Promise<readonly string[]> {
  return (await Array.fromAsync(bucket.digests(prefix))).flat();
}
