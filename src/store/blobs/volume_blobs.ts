import { Sema } from "async-sema";
import type { Digest } from "./commit_blobs.ts";
import type { MemoryBudget, StagedBlob } from "./staged_blob.ts";

/** Blobs that one `publish` makes durable at the same time. */
const PUBLISH_CONCURRENCY = 8;

/** A blob that is durable or, if it is small, becomes so with the transaction that stores its bytes. */
export interface PublishedBlob {
  readonly digest: Digest;
  readonly size: number;
  /** The bytes of a small blob, for the table of small blobs; undefined for a large blob. */
  readonly small: Uint8Array | undefined;
}

/** Bytes that can be read from any offset. Disposing it closes what it reads from. */
export interface BlobReader extends Disposable {
  /** At most `length` bytes from an offset; no byte at the end, and at least one byte before the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/**
 * The blobs of volumes. Small blobs are rows; large blobs are stored apart from the blobs of commits, so that the
 * collection of blobs of volumes cannot reach blobs of commits.
 *
 * A blob may be deleted once no entry references it. From its publication to the commit of the entry that references
 * it, the blob is retained. A commit can come between the query for references and the deletion: so a collection notes
 * first which blobs are retained, and from then on which become so ({@link collect}).
 */
export interface VolumeBlobs {
  /** Begins a blob. The caller publishes or disposes of it. */
  stage(budget?: MemoryBudget): StagedBlob;
  /** Opens a blob. The caller holds a snapshot that references it. @throws BlobError */
  open(digest: Digest, size: number): Promise<BlobReader>;
  /** Looks for a blob without reading it. @throws BlobError if it is missing or has another size */
  check(digest: Digest, size: number): Promise<void>;
  /**
   * Makes the blobs durable and retains them, in the order of the staged blobs. Staged blobs with a file are closed
   * afterwards; their owner disposes of the staged blobs in memory, after the transaction that writes them. The caller
   * calls {@link release} once the transaction that references them has ended, either way. May be repeated after
   * StorageUnavailable.
   */
  publish(staged: readonly StagedBlob[]): Promise<PublishedBlob[]>;
  /** Ends the retention of published blobs. */
  release(published: readonly PublishedBlob[]): void;
  /**
   * Deletes the blobs that no entry references and that are not retained; small blobs are kept. While a backup reads,
   * all blobs are kept.
   * @param mayDelete further decides whether a blob that is not in use is deleted
   */
  collect(
    digests: readonly Digest[],
    mayDelete?: (digest: Digest, inUse: boolean) => boolean,
  ): Promise<void>;
  /** The digests of all blobs that are no rows, in parts. */
  storedDigests(): AsyncGenerator<Digest[]>;
}

/**
 * Publishes some blobs at a time. If a publication fails, the published blobs are released, and the failure is thrown.
 */
export async function publishEach(
  staged: readonly StagedBlob[],
  publish: (staged: StagedBlob) => Promise<PublishedBlob>,
  release: (published: readonly PublishedBlob[]) => void,
): Promise<PublishedBlob[]> {
  const limit = new Sema(PUBLISH_CONCURRENCY);
  const settled = await Promise.allSettled(staged.map(async (each) => {
    await limit.acquire();
    try {
      return await publish(each);
    } finally {
      limit.release();
    }
  }));
  const published = settled.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
  const failed = settled.find((each) => each.status === "rejected");
  if (failed === undefined) return published;
  release(published);
  throw failed.reason;
}

/** Reads a blob that is in memory. */
export function memoryReader(content: Uint8Array): BlobReader {
  return {
    read: (offset, length) => Promise.resolve(content.slice(offset, offset + length)),
    [Symbol.dispose]() {},
  };
}
