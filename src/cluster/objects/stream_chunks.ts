import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { setTimeout as pause } from "node:timers/promises";
import { ObjectError } from "../../shared/objects.ts";
import type { ChunkSource } from "./chunk_source.ts";
import { chunksOf, headerOf } from "./codec.ts";
import { onNats } from "./failures.ts";
import { Layout, type ObjectRecord } from "./layout.ts";

/** A copy of the stream that answers may be behind: how often and after how long it is asked again. */
const ATTEMPTS = 4;
const RETRY_PAUSE_MS = 20;

/** Finds the chunks of the objects of a bucket by direct gets, which make no consumer. */
export function streamChunks(
  manager: JetStreamManager,
  bucket: string,
): (digest: string) => ChunkSource {
  const layout = new Layout(bucket);
  return (digest) => new StreamChunks(manager, layout, digest);
}

/** Finds the chunks of one object in the stream. */
class StreamChunks implements ChunkSource {
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
    // The first record: a later record names the same chunks.
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
