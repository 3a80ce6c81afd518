import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { ifExists, sizeOf, syncDirectory, syncFile, writeAll } from "../../shared/files.ts";
import { BlobError } from "./blob_error.ts";
import { type CommitBlobs, type Digest, digestOf } from "./commit_blobs.ts";
import { assertContent, readable } from "./verified.ts";
import type { BlobParts } from "./parts.ts";
import { StoringWork } from "./storing_work.ts";

/** Blobs as files `ab/cdef...` below a directory. */
export class DiskCommitBlobs implements CommitBlobs {
  /** The last operation on each blob: storing and deleting one blob are serialized. */
  readonly #pending = new Map<Digest, Promise<unknown>>();
  readonly #storing = new StoringWork();
  /** For each collection under way, the blobs that were stored since its begin. */
  readonly #collections = new Set<Set<Digest>>();

  constructor(private readonly root: string, private readonly parts: Omit<BlobParts, "volumes">) {}

  storing<T>(work: () => Promise<T>): Promise<T> {
    return this.#storing.run(work);
  }

  async put(content: Uint8Array): Promise<Digest> {
    const digest = digestOf(content);
    for (const stored of this.#collections) stored.add(digest);
    await this.#serialize(
      digest,
      () => this.parts.health.write(() => this.#put(this.#path(digest), content)),
    );
    return digest;
  }

  async #put(path: string, content: Uint8Array): Promise<void> {
    const folder = dirname(path);
    // A file of another size is damaged, and replaced.
    if (await sizeOf(path) !== content.length || !await renewAge(path)) {
      await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
      await writeNew(join(folder, `.${randomUUID()}`), content, path);
    }
    // Also for a blob that exists: a server that crashed may not have made its name durable.
    await syncDirectory(folder);
    await syncDirectory(this.root);
  }

  get(digest: Digest): Promise<Uint8Array> {
    return this.parts.damage.read(digest, () => this.#get(digest));
  }

  async #get(digest: Digest): Promise<Uint8Array> {
    const damaged = (what: string) => new BlobError(this.root, digest, what);
    const content = await readable(
      () => this.#existing(digest, (path) => Deno.readFile(path)),
      damaged,
    );
    return assertContent(content, digest, damaged);
  }

  async check(digest: Digest): Promise<void> {
    await this.parts.damage.look(() => this.#existing(digest, (path) => Deno.stat(path)));
  }

  async #existing<T>(digest: Digest, read: (path: string) => Promise<T>): Promise<T> {
    try {
      return await read(this.#path(digest));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new BlobError(this.root, digest, "is missing");
    }
  }

  async storedBefore(shard: number, time: Date): Promise<Digest[]> {
    const prefix = shard.toString(16).padStart(2, "0");
    const found: Digest[] = [];
    const folder = join(this.root, prefix);
    for (const name of await namesIn(folder)) {
      const { mtime } = await Deno.lstat(join(folder, name));
      if (mtime === null || mtime >= time) continue;
      // A stray file that a crash left.
      if (name.startsWith(".")) await Deno.remove(join(folder, name));
      else found.push(prefix + name);
    }
    return found;
  }

  async deleteStoredBefore(digest: Digest, time: Date): Promise<void> {
    const deletion = () =>
      this.#serialize(digest, async () => {
        const path = this.#path(digest);
        const { mtime } = await Deno.lstat(path);
        if (mtime !== null && mtime < time) await Deno.remove(path);
      });
    await this.parts.contentLock.deleting(deletion, undefined);
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
    const stored = new Set<Digest>();
    this.#collections.add(stored);
    try {
      // By then, blobs that were stored before have their rows; blobs that are stored from now on are kept.
      await this.#storing.ended();
      const referenced = await referencedBlobs(digests);
      const folders = new Set<string>();
      for (const digest of digests.filter((each) => !referenced.has(each))) {
        await this.#serialize(digest, async () => {
          if (stored.has(digest) || !await isDone(Deno.remove(this.#path(digest)))) return;
          folders.add(dirname(this.#path(digest)));
        });
      }
      for (const folder of folders) await syncDirectory(folder);
      return [];
    } finally {
      this.#collections.delete(stored);
    }
  }

  async #serialize(digest: Digest, action: () => Promise<void>): Promise<void> {
    const operation = (this.#pending.get(digest) ?? Promise.resolve()).then(action, action);
    this.#pending.set(digest, operation);
    try {
      await operation;
    } finally {
      if (this.#pending.get(digest) === operation) this.#pending.delete(digest);
    }
  }

  #path(digest: Digest): string {
    return join(this.root, digest.slice(0, 2), digest.slice(2));
  }
}

/** Writes a file under another name, then renames it: a crash leaves a stray file, never a part of a blob. */
async function writeNew(partial: string, content: Uint8Array, path: string): Promise<void> {
  try {
    using file = await Deno.open(partial, { write: true, createNew: true, mode: 0o600 });
    await writeAll(file, content);
    await syncFile(file, partial);
  } catch (error) {
    // On a full disk its part of the content would use the space of other blobs.
    await Deno.remove(partial).catch(() => {});
    throw error;
  }
  await Deno.rename(partial, path);
}

async function namesIn(folder: string): Promise<string[]> {
  return await ifExists(Array.fromAsync(Deno.readDir(folder), ({ name }) => name)) ?? [];
}

/** Sets the age of a file to zero; false if the file does not exist. */
async function renewAge(path: string): Promise<boolean> {
  const now = new Date();
  return await isDone(Deno.utime(path, now, now));
}

/** False if the file of the operation does not exist. */
async function isDone(operation: Promise<void>): Promise<boolean> {
  return await ifExists(operation.then(() => true)) ?? false;
}
