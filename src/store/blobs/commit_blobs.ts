import { createHash, randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { syncDirectory, writeAll } from "../files.ts";

/** SHA-256 of the content in lower-case hex: the name of a blob. */
export type Digest = string;

/** Shelves over which blobs are spread evenly, by the first byte of their digest. */
export const BLOB_SHARDS = 256;

/**
 * Contents by digest. A blob never changes; storing it twice stores it once. Its age is counted from the last time
 * that it was stored, so that a blob which a row is about to name is never an old one.
 */
export interface CommitBlobs {
  /** Resolves once the content is durable. */
  put(content: Uint8Array): Promise<Digest>;
  /** Rejects when there is no such blob: a digest in the database always has one. */
  get(digest: Digest): Promise<Uint8Array>;
  /** The blobs of one shelf, 0 to {@link BLOB_SHARDS} - 1, that were last stored before `time`. */
  storedBefore(shelf: number, time: Date): Promise<Digest[]>;
  /** Removes a blob that no row names, unless it was stored again since `time`. */
  removeStoredBefore(digest: Digest, time: Date): Promise<void>;
}

/** SHA-256 in lower-case hex. */
export function digestOf(content: Uint8Array): Digest {
  return createHash("sha256").update(content).digest("hex");
}

/** Blobs as files `ab/cdef...` below a directory. */
export class DiskCommitBlobs implements CommitBlobs {
  readonly #root: string;
  /** What is done to a blob now: storing and removing one wait for each other. */
  readonly #underway = new Map<Digest, Promise<unknown>>();

  constructor(root: string) {
    this.#root = root;
  }

  async put(content: Uint8Array): Promise<Digest> {
    const digest = digestOf(content);
    await this.#alone(digest, () => this.#put(this.#path(digest), content));
    return digest;
  }

  async #put(path: string, content: Uint8Array): Promise<void> {
    if (await renewed(path)) return;
    const folder = dirname(path);
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    // Written beside its place and renamed: a crash leaves a stray file, never half a blob.
    const partial = join(folder, `.${randomUUID()}`);
    {
      using file = await Deno.open(partial, { write: true, createNew: true, mode: 0o600 });
      await writeAll(file, content);
      await file.sync();
    }
    await Deno.rename(partial, path);
    await syncDirectory(folder);
    await syncDirectory(this.#root);
  }

  get(digest: Digest): Promise<Uint8Array> {
    return Deno.readFile(this.#path(digest));
  }

  async storedBefore(shelf: number, time: Date): Promise<Digest[]> {
    const prefix = shelf.toString(16).padStart(2, "0");
    const found: Digest[] = [];
    const folder = join(this.#root, prefix);
    for (const name of await namesIn(folder)) {
      const { mtime } = await Deno.lstat(join(folder, name));
      if (mtime === null || mtime >= time) continue;
      // A part of a blob, which a crash left.
      if (name.startsWith(".")) await Deno.remove(join(folder, name));
      else found.push(prefix + name);
    }
    return found;
  }

  async removeStoredBefore(digest: Digest, time: Date): Promise<void> {
    await this.#alone(digest, async () => {
      const path = this.#path(digest);
      const { mtime } = await Deno.lstat(path);
      if (mtime !== null && mtime < time) await Deno.remove(path);
    });
  }

  async #alone(digest: Digest, action: () => Promise<void>): Promise<void> {
    const mine = (this.#underway.get(digest) ?? Promise.resolve()).then(action, action);
    this.#underway.set(digest, mine);
    try {
      await mine;
    } finally {
      if (this.#underway.get(digest) === mine) this.#underway.delete(digest);
    }
  }

  #path(digest: Digest): string {
    return join(this.#root, digest.slice(0, 2), digest.slice(2));
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Makes a file young again; false where there is none. */
async function renewed(path: string): Promise<boolean> {
  const now = new Date();
  try {
    await Deno.utime(path, now, now);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
