import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import type { Digest } from "./commit_blobs.ts";
import { exists, syncDirectory } from "../files.ts";
import type { VolumeReader } from "../volumes.ts";
import {
  type BlobReader,
  compresses,
  compressFile,
  digestAt,
  openStoredBlob,
  pathsOf,
} from "./stored_blob.ts";
import { MemoryBudget, SMALL_BLOB_BYTES_MAX, StagedBlob } from "./staged_blob.ts";

/** Files that are made durable at the same time. */
const PUBLISH_CONCURRENCY = 8;
/** Below this size a file is not compressed: it would not take fewer blocks of the disk. */
const COMPRESS_BYTES_MIN = 8 * 1024;

/** A content that is durable, or, where it is small, becomes so with the transaction that gets its bytes. */
export interface PublishedBlob {
  readonly digest: Digest;
  readonly size: number;
  /** Set where the content belongs into the table of small contents. */
  readonly small: Uint8Array | undefined;
}

/**
 * Contents of volumes by digest. Small ones are rows, the others files `ab/cdef...`, apart from the
 * blobs of commits, so that collecting them cannot reach those.
 *
 * A content may be removed once no entry names it. Between its publishing and the commit of the
 * entry that names it, it is pinned. Whoever asks the database whether a content is named
 * asks first which contents are pinned from then on ({@link unused}), because a commit can come in between.
 */
export class VolumeBlobs {
  readonly #root: string;
  readonly #staging: string;
  readonly #volumes: VolumeReader;
  readonly #pins = new Map<Digest, number>();
  /** One set for each question that is under way: what was pinned since it was asked. */
  readonly #watches = new Set<Set<Digest>>();

  private constructor(root: string, volumes: VolumeReader) {
    this.#root = root;
    this.#staging = join(root, "staging");
    this.#volumes = volumes;
  }

  /** Opens the directory, and removes what a stopped server had not published. */
  static async open(root: string, volumes: VolumeReader): Promise<VolumeBlobs> {
    const contents = new VolumeBlobs(root, volumes);
    await Deno.mkdir(contents.#staging, { recursive: true, mode: 0o700 });
    for await (const { name } of Deno.readDir(contents.#staging)) {
      await Deno.remove(join(contents.#staging, name));
    }
    return contents;
  }

  /** Begins a content. Whoever begins it publishes or disposes of it. */
  stage(budget: MemoryBudget = new MemoryBudget(SMALL_BLOB_BYTES_MAX)): StagedBlob {
    return new StagedBlob(join(this.#staging, randomUUID()), budget);
  }

  /** Opens a stored content. The caller holds a snapshot that has it. */
  async open(digest: Digest, size: number): Promise<BlobReader> {
    if (size > SMALL_BLOB_BYTES_MAX) return await openStoredBlob(this.#root, digest);
    const small = await this.#volumes.smallBlob(digest);
    if (small === undefined) return await openStoredBlob(this.#root, digest);
    return {
      read: (offset, length) => Promise.resolve(small.slice(offset, offset + length)),
      [Symbol.dispose]() {},
    };
  }

  /**
   * Makes the contents durable and pins them, in the order of the staged ones. Those with a file are gone after it;
   * those in memory are disposed of by their owner, after the transaction that writes them. Whoever publishes calls {@link release} once the transaction that names them has ended, either way.
   */
  async publish(staged: readonly StagedBlob[]): Promise<PublishedBlob[]> {
    const published: PublishedBlob[] = [];
    const folders = new Set<string>();
    try {
      for (let at = 0; at < staged.length; at += PUBLISH_CONCURRENCY) {
        const group = staged.slice(at, at + PUBLISH_CONCURRENCY);
        const settled = await Promise.allSettled(group.map((each) => this.#place(each, folders)));
        const failed = settled.find((each) => each.status === "rejected");
        published.push(
          ...settled.filter((each) => each.status === "fulfilled").map(({ value }) => value),
        );
        if (failed !== undefined) throw failed.reason;
      }
      for (const folder of folders) await syncDirectory(folder);
      if (folders.size > 0) await syncDirectory(this.#root);
    } catch (error) {
      this.release(published);
      throw error;
    }
    return published;
  }

  release(published: readonly PublishedBlob[]): void {
    for (const { digest } of published) {
      const pins = (this.#pins.get(digest) ?? 0) - 1;
      if (pins > 0) this.#pins.set(digest, pins);
      else this.#pins.delete(digest);
    }
  }

  /**
   * Removes the files of those contents that no entry names and that are not pinned.
   * @param due further says whether a content that is not used may go
   */
  async collect(
    digests: readonly Digest[],
    due: (digest: Digest, used: boolean) => boolean = (_, used) => !used,
  ): Promise<void> {
    if (digests.length === 0) return;
    const pinnedSince = new Set(this.#pins.keys());
    this.#watches.add(pinnedSince);
    try {
      const named = await this.#volumes.referencedBlobs(digests);
      for (const digest of digests) {
        const used = named.has(digest) || pinnedSince.has(digest);
        // In one turn with the look at the pins: nobody can pin it before it is gone.
        if (due(digest, used) && !used) this.#removeNow(digest);
      }
    } finally {
      this.#watches.delete(pinnedSince);
    }
  }

  /** The digests of all contents that have files, folder by folder. */
  async *storedDigests(): AsyncGenerator<Digest[]> {
    for await (const folder of Deno.readDir(this.#root)) {
      if (!/^[0-9a-f]{2}$/.test(folder.name)) continue;
      const digests = new Set<Digest>();
      for await (const { name } of Deno.readDir(join(this.#root, folder.name))) {
        const digest = digestAt(folder.name, name);
        if (digest !== undefined) digests.add(digest);
      }
      yield [...digests];
    }
  }

  async #place(staged: StagedBlob, folders: Set<string>): Promise<PublishedBlob> {
    const digest = await staged.seal();
    const { size, memory } = staged;
    this.#pin(digest);
    try {
      if (memory !== undefined) return { digest, size, small: memory };
      await this.#placeFile(staged, digest, folders);
      return { digest, size, small: undefined };
    } catch (error) {
      this.release([{ digest, size, small: undefined }]);
      throw error;
    }
  }

  async #placeFile(staged: StagedBlob, digest: Digest, folders: Set<string>): Promise<void> {
    const [plain, compressed] = pathsOf(this.#root, digest);
    folders.add(dirname(plain));
    // Pinned before this look: what is there stays there.
    if (await exists(plain) || await exists(compressed)) {
      return await staged[Symbol.asyncDispose]();
    }
    await Deno.mkdir(dirname(plain), { recursive: true, mode: 0o700 });
    const { size } = staged;
    const path = await staged.detach();
    if (size < COMPRESS_BYTES_MIN || !await compresses(path)) return await Deno.rename(path, plain);
    const partial = `${path}.zst`;
    try {
      await compressFile(path, partial, digest);
      await Deno.rename(partial, compressed);
    } catch (error) {
      await Deno.remove(partial).catch(() => {});
      throw error;
    } finally {
      await Deno.remove(path);
    }
  }

  #pin(digest: Digest): void {
    this.#pins.set(digest, (this.#pins.get(digest) ?? 0) + 1);
    for (const watch of this.#watches) watch.add(digest);
  }

  #removeNow(digest: Digest): void {
    for (const path of pathsOf(this.#root, digest)) {
      try {
        Deno.removeSync(path);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  }
}
