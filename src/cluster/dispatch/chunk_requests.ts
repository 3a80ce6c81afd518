import { getLogger } from "@logtape/logtape";
import { Sema } from "async-sema";
import { type ChunkReply, encodeChunkReply, readChunkRequest } from "../link/chunk_messages.ts";
import type { Nats, ReceivedMessage } from "../nats/connection.ts";
import { isId, isInboxOf, NODES_GROUP, partsOf, subjects } from "../nats/subjects.ts";
import { ObjectError, ObjectsUnavailable } from "../../shared/objects.ts";

const logger = getLogger(["invoked", "cluster"]);

/** Chunks that are read at a time: each is in memory. */
const READS_MAX = 16;
/** Requests of one worker that are read or wait. A worker reads the chunks of an artifact one after another. */
const REQUESTS_MAX = 64;
/** How long a request for a chunk may take: the worker waits for 10 s, and NATS permits the reply for 30 s. */
const CHUNK_REPLY_MS = 8_000;

/** Reads a chunk as it is stored. @throws ObjectError, ObjectsUnavailable */
type ReadChunk = (digest: string, index: number) => Promise<Uint8Array>;

/**
 * Sends workers the chunks of artifacts. Workers have no access to JetStream: NATS would send what JetStream answers to
 * any subject that a worker names, such as the subject that deletes a stream.
 */
export class ChunkRequests implements Disposable {
  readonly #nats: Nats;
  readonly #read: ReadChunk;
  readonly #subscription: Disposable;
  readonly #reading = new Sema(READS_MAX);
  /** Requests under way by their workers. */
  readonly #requests = new Map<string, number>();

  constructor(nats: Nats, read: ReadChunk) {
    this.#nats = nats;
    this.#read = read;
    this.#subscription = nats.subscribe(
      subjects.chunks(),
      (message) => void this.#receive(message),
      NODES_GROUP,
    );
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  /** A worker is hostile. NATS permits a worker only its own subject. */
  async #receive({ subject, bytes, reply }: ReceivedMessage): Promise<void> {
    const [, worker] = partsOf(subject);
    if (!isId(worker)) return;
    // A reply elsewhere could act in the name of this node.
    if (!isInboxOf(worker, reply)) {
      return logger.warn(
        "Ignored a request for a chunk: the subject for its reply is no inbox of worker {worker}",
        { worker },
      );
    }
    const requests = this.#requests.get(worker) ?? 0;
    // The worker asks again.
    if (requests >= REQUESTS_MAX) return;
    this.#requests.set(worker, requests + 1);
    try {
      const { digest, index } = readChunkRequest(bytes);
      this.#nats.publish(reply, encodeChunkReply(await this.#replyWith(digest, index)));
    } catch (error) {
      logger.warn("Failed to send worker {worker} a chunk: {error}", { worker, error });
    } finally {
      const left = (this.#requests.get(worker) ?? 1) - 1;
      if (left === 0) this.#requests.delete(worker);
      else this.#requests.set(worker, left);
    }
  }

  /** The chunk, or why it cannot be read in time. */
  async #replyWith(digest: string, index: number): Promise<ChunkReply> {
    const { promise: late, resolve } = Promise.withResolvers<ChunkReply>();
    const away = { kind: "unavailable", code: "OBJECTS_AWAY" } as const;
    const timer = setTimeout(() => resolve(away), CHUNK_REPLY_MS);
    try {
      return await Promise.race([late, this.#chunk(digest, index)]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #chunk(digest: string, index: number): Promise<ChunkReply> {
    await this.#reading.acquire();
    try {
      return { kind: "chunk", bytes: await this.#read(digest, index) };
    } catch (error) {
      if (error instanceof ObjectError) return { kind: "damaged", damage: error.damage };
      if (error instanceof ObjectsUnavailable) return { kind: "unavailable", code: error.code };
      throw error;
    } finally {
      this.#reading.release();
    }
  }
}
