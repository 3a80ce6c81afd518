import { type JetStreamManager, jetstreamManager, type StoredMsg } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { ObjectError, type OpenObject } from "../../shared/objects.ts";
import type { ChunkCache } from "./chunk_cache.ts";
import { chunksOf, CONTENT_BYTES, headerOf, openChunk } from "./codec.ts";
import { onNats } from "./failures.ts";
import { isDigest, Layout, type ObjectRecord } from "./layout.ts";

/** A copy of the stream that answers may be behind: how often and after how long it is asked again. */
const ATTEMPTS = 4;
const RETRY_PAUSE_MS = 20;

/**
 * Reads objects by direct gets, which need the permission for one subject and make no consumer. Each chunk comes from
 * the cache where it has it.
 */
export class ObjectReader {
  readonly #manager: JetStreamManager;
  readonly #layout: Layout;
  readonly #cache: ChunkCache;

  private constructor(manager: JetStreamManager, layout: Layout, cache: ChunkCache) {
    this.#manager = manager;
    this.#layout = layout;
    this.#cache = cache;
  }

  static async open(
    nats: NatsConnection,
    bucket: string,
    cache: ChunkCache,
  ): Promise<ObjectReader> {
    // Without the look at the account, for which a worker has no permission.
    const manager = await jetstreamManager(nats, { checkAPI: false });
    return new ObjectReader(manager, new Layout(bucket), cache);
  }

  /** The content, checked by its digest. @throws ObjectError, ObjectsUnavailable */
  async read(digest: string, key: Uint8Array): Promise<Uint8Array> {
    const object = await this.open(digest, key);
    const content = new Uint8Array(object.size);
    for (let at = 0; at < content.length;) {
      const bytes = await object.read(at, content.length - at);
      content.set(bytes, at);
      at += bytes.length;
    }
    if (createHash("sha256").update(content).digest("hex") !== digest) {
      throw this.#error(digest, "was changed");
    }
    return content;
  }

  /** @throws ObjectError, ObjectsUnavailable */
  async open(digest: string, key: Uint8Array): Promise<OpenObject> {
    if (!isDigest(digest)) throw this.#error(digest, "is missing");
    const source = new ChunkSource(this.#manager, this.#layout, digest);
    const chunk = (index: number) => this.#chunk(source, digest, key, index);
    const first = await chunk(0);
    return new ObjectRanges(first, async (index) => {
      const { size, content } = await chunk(index);
      if (size !== first.size) throw this.#error(digest, "was changed");
      return content;
    });
  }

  async #chunk(source: ChunkSource, digest: string, key: Uint8Array, index: number) {
    const cached = await this.#cache.get(digest, index);
    if (cached !== undefined) {
      const opened = openChunk(key, digest, index, cached);
      if (opened !== undefined) return opened;
      this.#cache.delete(digest, index);
    }
    const chunk = await source.chunk(index);
    const opened = openChunk(key, digest, index, chunk);
    if (opened === undefined) {
      throw this.#error(digest, "was changed, or its key is that of another");
    }
    await this.#cache.put(digest, index, chunk);
    return opened;
  }

  #error(digest: string, damage: string): ObjectError {
    return new ObjectError(this.#layout.bucket, digest, damage);
  }
}

/** Reads ranges; the chunk that was read last stays in memory. */
class ObjectRanges implements OpenObject {
  readonly size: number;
  readonly #read: (index: number) => Promise<Uint8Array>;
  #last: { readonly index: number; readonly content: Uint8Array };

  constructor(
    first: { readonly size: number; readonly content: Uint8Array },
    read: (index: number) => Promise<Uint8Array>,
  ) {
    this.size = first.size;
    this.#last = { index: 0, content: first.content };
    this.#read = read;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const index = Math.floor(offset / CONTENT_BYTES);
    if (offset >= this.size || length <= 0) return new Uint8Array();
    let last = this.#last;
    if (last.index !== index) this.#last = last = { index, content: await this.#read(index) };
    const at = offset - index * CONTENT_BYTES;
    return last.content.slice(at, at + length);
  }
}

/** Finds the chunks of one object in the stream. */
class ChunkSource {
  readonly #manager: JetStreamManager;
  readonly #layout: Layout;
  readonly #digest: string;
  #subject: string | undefined;
  /** The sequence of the chunk that was found last. */
  #found: { readonly index: number; readonly seq: number } | undefined;

  constructor(manager: JetStreamManager, layout: Layout, digest: string) {
    this.#manager = manager;
    this.#layout = layout;
    this.#digest = digest;
  }

  /** A chunk as it is in the stream. @throws ObjectError, ObjectsUnavailable */
  async chunk(index: number): Promise<Uint8Array> {
    for (let attempt = 1;; attempt++) {
      const chunk = await onNats(() => this.#find(index));
      if (chunk !== undefined) return chunk;
      if (attempt === ATTEMPTS) {
        throw new ObjectError(this.#layout.bucket, this.#digest, "is missing");
      }
      // The object was stored again meanwhile, or the copy of the stream is behind.
      this.#subject = this.#found = undefined;
      await pause(RETRY_PAUSE_MS * attempt);
    }
  }

  /**
   * Chunks of one object lie in order, and chunks of other objects may lie between them. So the chunk is never before
   * the sequence that it would have without other objects, and the chunk that is found there shows how many are left.
   */
  async #find(index: number): Promise<Uint8Array | undefined> {
    this.#subject ??= await this.#chunkSubject();
    if (this.#subject === undefined) return undefined;
    let from = this.#found !== undefined && this.#found.index <= index
      ? this.#found.seq + index - this.#found.index
      : 1;
    for (;;) {
      const message = await this.#direct({ seq: from, next_by_subj: this.#subject });
      const header = message === null ? undefined : headerOf(message.data);
      if (message === null || header === undefined || header.index > index) return undefined;
      if (header.index >= chunksOf(header.size)) return undefined;
      this.#found = { index: header.index, seq: message.seq };
      if (header.index === index) return message.data;
      from = message.seq + index - header.index;
    }
  }

  async #chunkSubject(): Promise<string | undefined> {
    // The first record: a later record names the same chunks. A worker may ask for the first record, but not for the
    // last.
    const subject = this.#layout.recordSubject(this.#digest);
    const message = await this.#direct({ seq: 1, next_by_subj: subject });
    const record = message?.json<ObjectRecord>();
    if (record === undefined || record.deleted) return undefined;
    return this.#layout.chunkSubject(record.nuid);
  }

  #direct(query: { seq: number; next_by_subj: string }): Promise<StoredMsg | null> {
    return this.#manager.direct.getMessage(this.#layout.stream, query);
  }
}
