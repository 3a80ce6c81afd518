import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { LRUCache } from "lru-cache";
import { setTimeout as pause } from "node:timers/promises";
import { entriesUpTo } from "../../shared/entries.ts";
import { ObjectError } from "../../shared/objects.ts";
import type { ChunkSource } from "./chunk_source.ts";
import { chunksOf, headerOf } from "./codec.ts";
import { onNats } from "./failures.ts";
import { Layout, type ObjectRecord } from "./layout.ts";

/** A copy of the stream that answers may be behind: how often and after how long it is asked again. */
const ATTEMPTS = 4;
const RETRY_PAUSE_MS = 20;
/** Objects whose chunks were found last: without this, each read of one chunk would read its record and first chunk. */
const OBJECTS_MAX = 1_000;
/** For how long after its last read: an object may be stored again. */
const KNOWN_MS = 10_000;

/** Finds the chunks of the objects of a bucket by direct gets, which make no consumer. */
export function streamChunks(
  manager: JetStreamManager,
  bucket: string,
): (digest: string) => ChunkSource {
  const layout = new Layout(bucket);
  const known = new LRUCache<string, StreamChunks>({
    ...entriesUpTo(OBJECTS_MAX),
    ttl: KNOWN_MS,
  });
  return (digest) => {
    const chunks = known.get(digest) ?? new StreamChunks(manager, layout, digest);
    known.set(digest, chunks);
    return chunks;
  };
}

/** Finds the chunks of one object in the stream, for any number of readers at a time. */
class StreamChunks implements ChunkSource {
  #subject: string | undefined;
  /** The sequence of the chunk of a subject that was found last. */
  #found: { readonly subject: string; readonly index: number; readonly seq: number } | undefined;

  constructor(
    private readonly manager: JetStreamManager,
    private readonly layout: Layout,
    private readonly digest: string,
  ) {}

  /** A chunk as it is in the stream. @throws ObjectError, ObjectsUnavailable */
  async chunk(index: number): Promise<Uint8Array> {
    for (let attempt = 1;; attempt++) {
      const chunk = await onNats(() => this.#find(index));
      if (chunk !== undefined) return chunk;
      if (attempt === ATTEMPTS) {
        throw new ObjectError(this.layout.bucket, this.digest, "is missing");
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
    const subject = this.#subject ?? await this.#chunkSubject();
    this.#subject = subject;
    if (subject === undefined) return undefined;
    const found = this.#found;
    const isAfter = found?.subject === subject && found.index <= index;
    let from = isAfter ? found.seq + index - found.index : 1;
    for (;;) {
      const message = await this.#direct({ seq: from, next_by_subj: subject });
      const header = message === null ? undefined : headerOf(message.data);
      if (message === null || header === undefined || header.index > index) return undefined;
      if (header.index >= chunksOf(header.size)) return undefined;
      this.#found = { subject, index: header.index, seq: message.seq };
      if (header.index === index) return message.data;
      from = message.seq + index - header.index;
    }
  }

  async #chunkSubject(): Promise<string | undefined> {
    // The first record: a later record names the same chunks.
    const subject = this.layout.recordSubject(this.digest);
    const message = await this.#direct({ seq: 1, next_by_subj: subject });
    const record = message?.json<ObjectRecord>();
    if (record === undefined || record.deleted) return undefined;
    return this.layout.chunkSubject(record.nuid);
  }

  #direct(query: { seq: number; next_by_subj: string }): Promise<StoredMsg | null> {
    return this.manager.direct.getMessage(this.layout.stream, query);
  }
}
