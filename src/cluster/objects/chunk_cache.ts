import { getLogger } from "@logtape/logtape";
import { LRUCache } from "lru-cache";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { ifExists } from "../../shared/files.ts";

const logger = getLogger(["invoked", "cluster"]);

/** How long a chunk stays that nobody reads: what was purged does not stay for longer. */
const UNUSED_MAX_MS = 24 * 60 * 60 * 1000;
const CLEANING_INTERVAL_MS = 60 * 60 * 1000;

/**
 * Chunks of objects on the disk of this machine, as sealed as in the object store: without the key of an object they show nothing
 * of it. The most recently used chunks stay, within the limit. Nothing is lost with the directory, so nothing is
 * synced, and a chunk that a crash has damaged does not open.
 */
export class ChunkCache implements Disposable {
  /** Bytes of each file by its name. */
  readonly #files: LRUCache<string, number>;
  readonly #timer: ReturnType<typeof setInterval>;

  private constructor(private readonly directory: string, maxBytes: number) {
    this.#files = new LRUCache<string, number>({
      maxSize: maxBytes,
      sizeCalculation: (bytes) => Math.max(1, bytes),
      ttl: UNUSED_MAX_MS,
      updateAgeOnGet: true,
      dispose: (_, name, reason) => {
        if (reason !== "set") this.#remove(name);
      },
    });
    this.#timer = setInterval(() => this.#files.purgeStale(), CLEANING_INTERVAL_MS);
  }

  /**
   * Opens or creates its directory, and keeps the chunks of an earlier run that fit.
   * @param maxBytes size of all chunks
   */
  static async open(directory: string, maxBytes: number): Promise<ChunkCache> {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    const cache = new ChunkCache(directory, maxBytes);
    for (const { name, size } of await filesIn(directory)) {
      if (isChunkName(name)) cache.#files.set(name, size);
      else cache.#remove(name);
    }
    return cache;
  }

  /** The chunk; undefined if it is not here. */
  async get(digest: string, index: number): Promise<Uint8Array | undefined> {
    const name = nameOf(digest, index);
    if (this.#files.get(name) === undefined) return undefined;
    const chunk = await ifExists(Deno.readFile(join(this.directory, name)));
    // Somebody emptied the directory.
    if (chunk === undefined) this.#files.delete(name);
    return chunk;
  }

  /** Keeps a chunk; without space on the disk it is not kept. */
  async put(digest: string, index: number, chunk: Uint8Array): Promise<void> {
    const name = nameOf(digest, index);
    const partial = join(this.directory, `.${randomUUID()}`);
    try {
      await Deno.writeFile(partial, chunk, { createNew: true, mode: 0o600 });
      await Deno.rename(partial, join(this.directory, name));
    } catch (error) {
      await Deno.remove(partial).catch(() => {});
      logger.debug("Failed to cache a chunk of object {digest}: {error}", { digest, error });
      return;
    }
    this.#files.set(name, chunk.length);
    // A chunk that is larger than the whole limit was not taken.
    if (!this.#files.has(name)) this.#remove(name);
  }

  /** Forgets a chunk that did not open. */
  delete(digest: string, index: number): void {
    this.#files.delete(nameOf(digest, index));
  }

  /** Forgets all chunks of an object. */
  deleteAll(digest: string): void {
    for (const name of this.#files.keys()) {
      if (name.startsWith(`${digest}.`)) this.#files.delete(name);
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** Synchronous, so that a chunk that is kept again meanwhile cannot be removed. */
  #remove(name: string): void {
    try {
      Deno.removeSync(join(this.directory, name));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      logger.warn("Failed to remove {name} from the cache of objects: {error}", { name, error });
    }
  }
}

function nameOf(digest: string, index: number): string {
  return `${digest}.${index}`;
}

function isChunkName(name: string): boolean {
  return /^[0-9a-f]{64}\.\d+$/.test(name);
}

/** Oldest first, so that the oldest chunks leave the cache first. */
async function filesIn(
  directory: string,
): Promise<readonly { readonly name: string; readonly size: number }[]> {
  const files = [];
  for await (const { name } of Deno.readDir(directory)) {
    const { size, mtime } = await Deno.lstat(join(directory, name));
    files.push({ name, size, time: mtime?.getTime() ?? 0 });
  }
  return files.toSorted((a, b) => a.time - b.time);
}
