import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { ObjectBucket } from "../../shared/objects.ts";
import type { StorageHealth } from "../storage_health.ts";
import { BlobError } from "./blob_error.ts";
import type { Digest } from "./commit_blobs.ts";
import { asBlob } from "./object_commit_blobs.ts";
import type { BlobParts } from "./parts.ts";
import { MemoryBudget, SMALL_BLOB_BYTES_MAX, StagedBlob } from "./staged_blob.ts";
import {
  type BlobReader,
  publishEach,
  type PublishedBlob,
  type VolumeBlobs,
} from "./volume_blobs.ts";
import { smallBlob } from "./small_blob.ts";
import { removeStrays } from "./stray_removal.ts";
import { VerifiedBlobs } from "./verified.ts";

/** Bytes of a staged blob that are sent in one step. */
const SEND_STEP_BYTES = 256 * 1024;
/** Digests that are collected in one step. */
const COLLECT_STEP = 1000;

/** What the blobs need of the store. */
interface VolumeBlobParts extends BlobParts {
  /** Of the disk with the staged blobs. */
  readonly diskHealth: StorageHealth;
}

/** Volume blobs as objects that several nodes share; staged blobs are files of this node. */
export class ObjectVolumeBlobs implements VolumeBlobs {
  readonly #verified = new VerifiedBlobs();

  private constructor(
    private readonly bucket: ObjectBucket,
    private readonly staging: string,
    private readonly parts: VolumeBlobParts,
  ) {}

  /** Opens the directory of staged blobs and deletes what a stopped server left in it. */
  static async open(
    bucket: ObjectBucket,
    staging: string,
    parts: VolumeBlobParts,
  ): Promise<ObjectVolumeBlobs> {
    await Deno.mkdir(staging, { recursive: true, mode: 0o700 });
    for await (const { name } of Deno.readDir(staging)) await Deno.remove(join(staging, name));
    return new ObjectVolumeBlobs(bucket, staging, parts);
  }

  stage(budget: MemoryBudget = new MemoryBudget(SMALL_BLOB_BYTES_MAX)): StagedBlob {
    return new StagedBlob(join(this.staging, randomUUID()), budget, this.parts.diskHealth);
  }

  open(digest: Digest, size: number): Promise<BlobReader> {
    return this.parts.damage.read(digest, () => this.#open(digest, size));
  }

  async #open(digest: Digest, size: number): Promise<BlobReader> {
    const small = await smallBlob(this.parts.volumes, digest, size);
    if (small !== undefined) return small;
    const object = await asBlob(() => this.bucket.open(digest));
    if (object.size !== size) throw this.#wrongSize(digest, object.size, size);
    const reader = {
      read: (offset: number, length: number) => asBlob(() => object.read(offset, length)),
      [Symbol.dispose]() {},
    };
    const damaged = (what: string) => new BlobError(this.bucket.name, digest, what);
    // An object does not change; a part of it may get lost.
    return await this.#verified.verify(reader, { digest, size, stamp: "", damaged });
  }

  async check(digest: Digest, size: number): Promise<void> {
    if (await smallBlob(this.parts.volumes, digest, size) !== undefined) return;
    await this.parts.damage.look(async () => {
      const found = await asBlob(() => this.bucket.check(digest));
      if (found !== size) throw this.#wrongSize(digest, found, size);
    });
  }

  async publish(staged: readonly StagedBlob[]): Promise<PublishedBlob[]> {
    const published = await this.parts.health.write(() =>
      publishEach(staged, (each) => this.#publish(each), (some) => this.release(some))
    );
    // Not before all are durable: a repetition may need their content again.
    for (const each of staged) {
      if (each.memory === undefined) await each[Symbol.asyncDispose]();
    }
    return published;
  }

  release(published: readonly PublishedBlob[]): void {
    for (const { digest, small } of published) {
      if (small === undefined) this.bucket.release(digest);
    }
  }

  async collect(
    digests: readonly Digest[],
    mayDelete: (digest: Digest, inUse: boolean) => boolean = (_, inUse) => !inUse,
  ): Promise<void> {
    if (digests.length === 0) return;
    const { contentLock } = this.parts;
    await contentLock.deleting(() => this.#collect(digests, mayDelete), undefined);
  }

  async #collect(
    digests: readonly Digest[],
    mayDelete: (digest: Digest, inUse: boolean) => boolean,
  ): Promise<void> {
    const { volumes } = this.parts;
    const referenced = await volumes.referencedBlobs(digests);
    for (const digest of referenced) mayDelete(digest, true);
    const unreferenced = digests.filter((digest) => !referenced.has(digest));
    const retained = await this.bucket.collect(unreferenced, async (unretained) => {
      if (unretained.length === 0) return [];
      // A commit may have come since the first query.
      const now = await volumes.referencedBlobs(unretained);
      return unretained.filter((digest) => mayDelete(digest, now.has(digest)) && !now.has(digest));
    });
    for (const digest of retained) mayDelete(digest, true);
  }

  async *storedDigests(): AsyncGenerator<Digest[]> {
    await removeStrays(this.bucket);
    for await (const digests of this.bucket.digests()) {
      for (let at = 0; at < digests.length; at += COLLECT_STEP) {
        yield digests.slice(at, at + COLLECT_STEP);
      }
    }
  }

  async #publish(staged: StagedBlob): Promise<PublishedBlob> {
    const digest = await staged.seal();
    const { size, memory } = staged;
    if (memory !== undefined) return { digest, size, small: memory };
    await this.bucket.retain({ digest, size, read: () => contentOf(staged) });
    return { digest, size, small: undefined };
  }

  #wrongSize(digest: Digest, found: number, size: number): BlobError {
    return BlobError.ofSize(this.bucket.name, digest, found, size);
  }
}

async function* contentOf(staged: StagedBlob): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < staged.size;) {
    const bytes = await staged.read(at, SEND_STEP_BYTES);
    yield bytes;
    at += bytes.length;
  }
}
