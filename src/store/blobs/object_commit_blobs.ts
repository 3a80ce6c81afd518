import { setTimeout as pause } from "node:timers/promises";
import { type ObjectBucket, type ObjectContent, ObjectError } from "../../shared/objects.ts";
import { BlobError } from "./blob_error.ts";
import { type CommitBlobs, type Digest, digestOf } from "./commit_blobs.ts";
import type { BlobParts } from "./parts.ts";
import { StoringWork } from "./storing_work.ts";
import { removeStrays } from "./stray_removal.ts";

/** How long a collection waits for other nodes that store one of its blobs, and how often it looks. */
const COLLECT_WAIT_MS = 30_000;
const COLLECT_INTERVAL_MS = 500;

/** Commit blobs as objects that several nodes share. */
export class ObjectCommitBlobs implements CommitBlobs {
  readonly #storing = new StoringWork();
  /** Blobs whose retention ends with that work. */
  readonly #retained = new Set<Promise<void>>();

  constructor(
    private readonly bucket: ObjectBucket,
    private readonly parts: Omit<BlobParts, "volumes">,
  ) {}

  storing<T>(work: () => Promise<T>): Promise<T> {
    return this.#storing.run(work);
  }

  async put(content: Uint8Array): Promise<Digest> {
    const digest = digestOf(content);
    const object: ObjectContent = {
      digest,
      size: content.length,
      async *read() {
        yield content;
      },
    };
    if (this.#storing.isIdle) {
      await this.parts.health.write(() => this.bucket.store(object));
      return digest;
    }
    const stored = this.#storing.ended();
    await this.parts.health.write(() => this.bucket.retain(object));
    const retained = stored.then(() => {
      this.bucket.release(digest);
      this.#retained.delete(retained);
    });
    this.#retained.add(retained);
    return digest;
  }

  get(digest: Digest): Promise<Uint8Array> {
    return this.parts.damage.read(digest, () => asBlob(() => this.bucket.read(digest)));
  }

  async check(digest: Digest): Promise<void> {
    await this.parts.damage.look(() => asBlob(() => this.bucket.check(digest)));
  }

  async storedBefore(shard: number, time: Date): Promise<Digest[]> {
    if (shard === 0) await removeStrays(this.bucket);
    const prefix = shard.toString(16).padStart(2, "0");
    const digests = await Array.fromAsync(this.bucket.digests(prefix));
    return await this.bucket.storedBefore(digests.flat(), time);
  }

  deleteStoredBefore(digest: Digest, time: Date): Promise<void> {
    const deletion = () => this.bucket.deleteStoredBefore(digest, time);
    return this.parts.contentLock.deleting(deletion, undefined);
  }

  collect(
    digests: readonly Digest[],
    referencedBlobs: (digests: readonly Digest[]) => Promise<ReadonlySet<Digest>>,
  ): Promise<readonly Digest[]> {
    return this.parts.contentLock.deleting(() => this.#collect(digests, referencedBlobs), digests);
  }

  async #collect(
    digests: readonly Digest[],
    referencedBlobs: (digests: readonly Digest[]) => Promise<ReadonlySet<Digest>>,
  ): Promise<readonly Digest[]> {
    // By then, blobs that this node stored before have their rows.
    await this.#storing.ended();
    await Promise.all(this.#retained);
    let left = digests;
    for (const deadline = performance.now() + COLLECT_WAIT_MS;;) {
      left = await this.bucket.collect(left, async (unretained) => {
        const referenced = await referencedBlobs(unretained);
        return unretained.filter((digest) => !referenced.has(digest));
      });
      if (left.length === 0 || performance.now() > deadline) return left;
      await pause(COLLECT_INTERVAL_MS);
    }
  }
}

/** Answers an object that is missing or changed as a blob that is. */
export async function asBlob<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ObjectError)) throw error;
    throw new BlobError(error.bucket, error.digest, error.damage);
  }
}
