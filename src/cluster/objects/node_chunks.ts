import { Sema } from "async-sema";
import { backoffMs } from "../../shared/backoff.ts";
import { ObjectError, ObjectsUnavailable } from "../../shared/objects.ts";
import { pause } from "../../shared/pause.ts";
import { CHUNK_REQUEST_MS, encodeChunkRequest, readChunkReply } from "../link/chunk_messages.ts";
import type { Nats } from "../nats/connection.ts";
import { subjects } from "../nats/subjects.ts";
import type { ChunkSource } from "./chunk_source.ts";
import { COMMITS_BUCKET } from "./layout.ts";

/** Requests of a worker at a time: an API node rejects many more. */
const REQUESTS_MAX = 16;
const BACKOFF = { initialMs: 100, maxMs: 2_000 };

/** Limits the requests of one worker. */
export function requestSlots(): Sema {
  return new Sema(REQUESTS_MAX);
}

/** The chunks of one artifact, which API nodes send to workers. */
export class NodeChunks implements ChunkSource {
  /** @param slots for the requests of this worker @param signal ends all requests */
  constructor(
    private readonly nats: Nats,
    private readonly slots: Sema,
    private readonly digest: string,
    private readonly signal: AbortSignal,
  ) {}

  async chunk(index: number): Promise<Uint8Array> {
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#ask(index);
      } catch (error) {
        if (error instanceof ObjectError) throw error;
        if (this.signal.aborted) {
          throw error instanceof ObjectsUnavailable
            ? error
            : new ObjectsUnavailable("OBJECTS_AWAY", error);
        }
      }
      await pause(backoffMs(BACKOFF, attempt), this.signal);
    }
  }

  /** @throws ObjectError, ObjectsUnavailable; another error if no API node answers */
  async #ask(index: number): Promise<Uint8Array> {
    const { digest } = this;
    const read = readChunkReply(await this.#request(encodeChunkRequest({ digest, index })));
    if (read.kind === "chunk") return read.bytes;
    if (read.kind === "damaged") throw new ObjectError(COMMITS_BUCKET, digest, read.damage);
    throw new ObjectsUnavailable(read.code, undefined);
  }

  async #request(request: Uint8Array): Promise<Uint8Array> {
    const { nats, slots } = this;
    await slots.acquire();
    try {
      this.signal.throwIfAborted();
      return await nats.request(subjects.chunk(nats.id), request, CHUNK_REQUEST_MS);
    } finally {
      slots.release();
    }
  }
}
