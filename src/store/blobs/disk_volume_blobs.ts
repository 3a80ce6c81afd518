import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { exists, sizeOf, syncDirectory } from "../../shared/files.ts";
import { BlobError } from "./blob_error.ts";
import type { Digest } from "./commit_blobs.ts";
import type { BlobParts } from "./parts.ts";
import { MemoryBudget, SMALL_BLOB_BYTES_MAX, StagedBlob } from "./staged_blob.ts";
import { digestAt, openStoredBlob, pathsOf } from "./stored_blob.ts";
import { smallBlob } from "./small_blob.ts";
import { VerifiedBlobs } from "./verified.ts";
import {
  type BlobReader,
  publishEach,
  type PublishedBlob,
  type VolumeBlobs,
} from "./volume_blobs.ts";

/** Volume blobs as files `ab/cdef...` below a directory. */
export class DiskVolumeBlobs implements VolumeBlobs {
  readonly #staging: string;
  readonly #verified = new VerifiedBlobs();
  /** How often each blob is retained. */
  readonly #retained = new Map<Digest, number>();
  /** For each collection under way, the blobs that were retained at any time since it began. */
  readonly #collections = new Set<Set<Digest>>();

  private constructor(private readonly root: string, private readonly parts: BlobParts) {
    this.#staging = join(root, "staging");
  }

  /** Opens the directory and deletes what a stopped server left unpublished. */
  static async open(
    root: string,
    parts: BlobParts,
  ): Promise<DiskVolumeBlobs> {
    const blobs = new DiskVolumeBlobs(root, parts);
    await Deno.mkdir(blobs.#staging, { recursive: true, mode: 0o700 });
    for await (const { name } of Deno.readDir(blobs.#staging)) {
      await Deno.remove(join(blobs.#staging, name));
    }
    return blobs;
  }

  stage(budget: MemoryBudget = new MemoryBudget(SMALL_BLOB_BYTES_MAX)): StagedBlob {
    return new StagedBlob(join(this.#staging, randomUUID()), budget, this.parts.health);
  }

  open(digest: Digest, size: number): Promise<BlobReader> {
    return this.parts.damage.read(digest, () => this.#open(digest, size));
  }

  async #open(digest: Digest, size: number): Promise<BlobReader> {
    const small = await smallBlob(this.parts.volumes, digest, size);
    if (small !== undefined) return small;
    const stored = await openStoredBlob(this.root, digest, size);
    const damaged = (what: string) => new BlobError(this.root, digest, what);
    return await this.#verified.verify(stored.reader, {
      digest,
      size,
      stamp: stored.stamp,
      damaged,
    });
  }

  async check(digest: Digest, size: number): Promise<void> {
    await this.parts.damage.look(async () => {
      if (await smallBlob(this.parts.volumes, digest, size) !== undefined) return;
      (await openStoredBlob(this.root, digest, size)).reader[Symbol.dispose]();
    });
  }

  publish(staged: readonly StagedBlob[]): Promise<PublishedBlob[]> {
    return this.parts.health.write(() => this.#publishAll(staged));
  }

  async #publishAll(staged: readonly StagedBlob[]): Promise<PublishedBlob[]> {
    const folders = new Set<string>();
    const published = await publishEach(
      staged,
      (each) => this.#publish(each, folders),
      (some) => this.release(some),
    );
    try {
      for (const folder of folders) await syncDirectory(folder);
      if (folders.size > 0) await syncDirectory(this.root);
    } catch (error) {
      this.release(published);
      throw error;
    }
    return published;
  }

  release(published: readonly PublishedBlob[]): void {
    for (const { digest } of published) {
      const count = (this.#retained.get(digest) ?? 0) - 1;
      if (count > 0) this.#retained.set(digest, count);
      else this.#retained.delete(digest);
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
    const retained = new Set(this.#retained.keys());
    this.#collections.add(retained);
    try {
      const referenced = await this.parts.volumes.referencedBlobs(digests);
      for (const digest of digests) {
        const inUse = referenced.has(digest) || retained.has(digest);
        // Synchronous after the look at the retained blobs: no publication can come between.
        if (mayDelete(digest, inUse) && !inUse) this.#deleteSync(digest);
      }
    } finally {
      this.#collections.delete(retained);
    }
  }

  async *storedDigests(): AsyncGenerator<Digest[]> {
    for await (const folder of Deno.readDir(this.root)) {
      if (!/^[0-9a-f]{2}$/.test(folder.name)) continue;
      const digests = new Set<Digest>();
      for await (const { name } of Deno.readDir(join(this.root, folder.name))) {
        const digest = digestAt(folder.name, name);
        if (digest !== undefined) digests.add(digest);
      }
      yield [...digests];
    }
  }

  async #publish(staged: StagedBlob, folders: Set<string>): Promise<PublishedBlob> {
    const digest = await staged.seal();
    const { size, memory } = staged;
    this.#retain(digest);
    try {
      if (memory !== undefined) return { digest, size, small: memory };
      await this.#publishFile(staged, digest, folders);
      return { digest, size, small: undefined };
    } catch (error) {
      this.release([{ digest, size, small: undefined }]);
      throw error;
    }
  }

  async #publishFile(staged: StagedBlob, digest: Digest, folders: Set<string>): Promise<void> {
    const [plain, compressed] = pathsOf(this.root, digest);
    folders.add(dirname(plain));
    // Retained before this look: a file that exists now is not deleted. One of another size is damaged, and replaced.
    if (await sizeOf(plain) === staged.size || await exists(compressed)) {
      return await staged[Symbol.asyncDispose]();
    }
    await Deno.mkdir(dirname(plain), { recursive: true, mode: 0o700 });
    await staged.moveTo(plain);
  }

  #retain(digest: Digest): void {
    this.#retained.set(digest, (this.#retained.get(digest) ?? 0) + 1);
    for (const retained of this.#collections) retained.add(digest);
  }

  #deleteSync(digest: Digest): void {
    for (const path of pathsOf(this.root, digest)) {
      try {
        Deno.removeSync(path);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  }
}
