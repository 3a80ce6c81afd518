/** Content for object stores. */
import { randomBytes } from "node:crypto";
import type { ObjectContent } from "../../src/shared/objects.ts";
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
