import { createHash } from "node:crypto";

/** SHA-256 of a content in lower-case hex: the name of a blob. */
export type Digest = string;

/** Shards that blobs are spread over evenly, by the first byte of their digest. */
export const BLOB_SHARDS = 256;

/**
 * The blobs of commits. A blob never changes; storing it twice stores it once. Its age counts from the last time it
 * was stored, so a blob that a row is about to reference is never old.
 */
export interface CommitBlobs {
  /** Runs work that stores blobs and then writes the rows that reference them; {@link collect} waits for it. */
  storing<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves once the content is durable. @throws StorageUnavailable */
  put(content: Uint8Array): Promise<Digest>;
  /** @throws BlobError if it is missing or damaged: every digest in the database has a blob */
  get(digest: Digest): Promise<Uint8Array>;
  /** @throws BlobError if it is missing */
  check(digest: Digest): Promise<void>;
  /** Lists the blobs of one shard, 0 to {@link BLOB_SHARDS} - 1, that were last stored before `time`. */
  storedBefore(shard: number, time: Date): Promise<Digest[]>;
  /** Deletes a blob that no row references, unless it was stored again since `time`. */
  deleteStoredBefore(digest: Digest, time: Date): Promise<void>;
  /**
   * Deletes blobs of any age, durably, unless a row references them.
   * @param referencedBlobs finds the blobs that a row references @returns the blobs that another node is storing for a
   * new row; all of them while a backup reads
   */
  collect(
    digests: readonly Digest[],
    referencedBlobs: (digests: readonly Digest[]) => Promise<ReadonlySet<Digest>>,
  ): Promise<readonly Digest[]>;
}

/** SHA-256 in lower-case hex. */
export function digestOf(content: Uint8Array): Digest {
  return createHash("sha256").update(content).digest("hex");
}
