import { backoffMs } from "../../shared/backoff.ts";
import { ObjectError, ObjectsUnavailable } from "../../shared/objects.ts";
import { pause } from "../../shared/pause.ts";
import { CHUNK_REQUEST_MS, encodeChunkRequest, readChunkReply } from "../link/chunk_messages.ts";
import type { Nats } from "../nats/connection.ts";
import { subjects } from "../nats/subjects.ts";
import type { ChunkSource } from "./chunk_source.ts";
import { COMMITS_BUCKET } from "./layout.ts";

const BACKOFF = { initialMs: 100, maxMs: 2_000 };

/** The chunks of one artifact, which API nodes send to workers. */
export class NodeChunks implements ChunkSource {
  /** @param signal ends all requests */
  constructor(
    private readonly nats: Nats,
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
    const { nats, digest } = this;
    this.signal.throwIfAborted();
    const request = encodeChunkRequest({ digest, index });
    const reply = await nats.request(subjects.chunk(nats.id), request, CHUNK_REQUEST_MS);
    const read = readChunkReply(reply);
    if (read.kind === "chunk") return read.bytes;
    if (read.kind === "damaged") throw new ObjectError(COMMITS_BUCKET, digest, read.damage);
    throw new ObjectsUnavailable(read.code, undefined);
  }
}
