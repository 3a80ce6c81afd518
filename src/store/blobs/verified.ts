/** Blobs are read whole once before they are served: an answer that has begun cannot become an error. */
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../../shared/entries.ts";
import { BlobError } from "./blob_error.ts";
import { type Digest, digestOf } from "./commit_blobs.ts";
import type { BlobReader } from "./volume_blobs.ts";

/** Blobs that are known to be whole. */
const KNOWN_MAX = 100_000;
/** Bytes that are hashed in one step; other work runs between two steps. */
const STEP_BYTES = 256 * 1024;

/** Names a blob in an error. */
type Damaged = (damage: string) => BlobError;

/** Remembers which blobs have been read whole, so that each is hashed once in a run of the server. */
export class VerifiedBlobs {
  /** What identified the content of each. */
  readonly #known = new LRUCache<Digest, string>(entriesUpTo(KNOWN_MAX));

  /**
   * Passes a reader on once the content has its digest; closes it otherwise.
   * @param stamp changes when somebody writes the content
   * @throws BlobError
   */
  async verify(
    reader: BlobReader,
    { digest, size, stamp, damaged }: {
      readonly digest: Digest;
      readonly size: number;
      readonly stamp: string;
      readonly damaged: Damaged;
    },
  ): Promise<BlobReader> {
    if (this.#known.get(digest) === stamp) return reader;
    try {
      await assertDigest(reader, digest, size, damaged);
    } catch (error) {
      reader[Symbol.dispose]();
      throw error;
    }
    this.#known.set(digest, stamp);
    return reader;
  }
}

/** Checks a content in memory. @throws BlobError */
export function assertContent(content: Uint8Array, digest: Digest, damaged: Damaged): Uint8Array {
  if (digestOf(content) !== digest) throw damaged("was changed");
  return content;
}

/** A read that the disk fails is damage. @throws BlobError */
export async function readable<T>(read: () => Promise<T>, damaged: Damaged): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EIO") throw damaged("cannot be read: the disk reports an error");
    // Of zstd: what was compressed is damaged.
    if (typeof code === "string" && code.startsWith("ZSTD_")) throw damaged("was changed");
    throw error;
  }
}

async function assertDigest(
  reader: BlobReader,
  digest: Digest,
  size: number,
  damaged: Damaged,
): Promise<void> {
  const hash = createHash("sha256");
  for (let at = 0; at < size;) {
    const bytes = await readable(() => reader.read(at, Math.min(STEP_BYTES, size - at)), damaged);
    if (bytes.length === 0) throw damaged("is too short");
    hash.update(bytes);
    at += bytes.length;
  }
  if (hash.digest("hex") !== digest) throw damaged("was changed");
}
