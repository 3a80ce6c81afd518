import { Sema } from "async-sema";
import {
  CHUNK_REPLY_MS,
  type ChunkReply,
  type ChunkRequest,
  encodeChunkReply,
  readChunkRequest,
} from "../link/chunk_messages.ts";
import type { Nats, ReceivedMessage } from "../nats/connection.ts";
import { isId, isInboxOf, NODES_GROUP, partsOf, subjects } from "../nats/subjects.ts";
import { warnOf } from "../nats/worker_warnings.ts";
import type { Admit } from "../objects/chunk_source.ts";
import { ObjectError, ObjectsUnavailable } from "../../shared/objects.ts";

/** Chunks that are read from the object store at a time. */
const READS_MAX = 16;
/** Chunks of one worker that are read or sent at a time: each is in memory. No worker keeps others from reading. */
const WORKER_READS_MAX = 4;
/**
 * Requests of one worker that are read or wait: more than a worker of ours has under way. Further requests are rejected,
 * and from twice as many on ignored, since NATS may not have taken the rejections.
 */
const REQUESTS_MAX = 64;
/** How long a chunk waits for NATS, which takes it within the time after which a connection is given up. */
const SEND_TIMEOUT_MS = 10_000;

/** The worker asks again. */
const AWAY: ChunkReply = { kind: "unavailable", code: "OBJECTS_AWAY" };

/** Reads a chunk as it is stored. @throws ObjectError, ObjectsUnavailable */
type ReadChunk = (digest: string, index: number, admit: Admit) => Promise<Uint8Array>;

/** What is under way for one worker. */
interface WorkerRequests {
  count: number;
  readonly reading: Sema;
}

/**
 * Sends workers the chunks of artifacts. Workers have no access to JetStream: NATS would send what JetStream answers to
 * any subject that a worker names, such as the subject that deletes a stream.
 *
 * The client of NATS keeps what NATS has not taken, without a limit. So a request ends, for the limits, when its read
 * has ended and NATS has taken the reply, even if the worker had its answer before.
 */
export class ChunkRequests implements Disposable {
  readonly #subscription: Disposable;
  readonly #reading = new Sema(READS_MAX);
  readonly #workers = new Map<string, WorkerRequests>();

  constructor(private readonly nats: Nats, private readonly read: ReadChunk) {
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
      return warnOf(
        worker,
        "Ignored a request for a chunk: the subject for its reply is no inbox of worker {worker}",
      );
    }
    const own = this.#workers.get(worker) ?? { count: 0, reading: new Sema(WORKER_READS_MAX) };
    if (own.count >= 2 * REQUESTS_MAX) return;
    this.#workers.set(worker, own);
    own.count++;
    try {
      if (own.count > REQUESTS_MAX) return await this.#send(reply, AWAY);
      await this.#answer(readChunkRequest(bytes), reply, own.reading);
    } catch (error) {
      warnOf(worker, "Failed to send worker {worker} a chunk: {error}", { error });
    } finally {
      if (--own.count === 0) this.#workers.delete(worker);
    }
  }

  /** Replies in time, and returns once the read has ended and NATS has the reply. */
  async #answer({ digest, index }: ChunkRequest, reply: string, reading: Sema): Promise<void> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.nats.publish(reply, encodeChunkReply(AWAY));
    }, CHUNK_REPLY_MS);
    await reading.acquire();
    try {
      if (isLate) return;
      const read = await this.#chunk(digest, index, () => isLate);
      if (isLate) return;
      clearTimeout(timer);
      await this.#send(reply, read);
    } finally {
      clearTimeout(timer);
      reading.release();
    }
  }

  async #send(reply: string, content: ChunkReply): Promise<void> {
    this.nats.publish(reply, encodeChunkReply(content));
    await this.nats.taken(SEND_TIMEOUT_MS);
  }

  async #chunk(digest: string, index: number, isLate: () => boolean): Promise<ChunkReply> {
    const admit: Admit = async (load) => {
      await this.#reading.acquire();
      try {
        // The worker has its answer: nobody needs the chunk.
        if (isLate()) throw new ObjectsUnavailable("OBJECTS_AWAY", undefined);
        return await load();
      } finally {
        this.#reading.release();
      }
    };
    try {
      return { kind: "chunk", bytes: await this.read(digest, index, admit) };
    } catch (error) {
      if (error instanceof ObjectError) return { kind: "damaged", damage: error.damage };
      if (error instanceof ObjectsUnavailable) return { kind: "unavailable", code: error.code };
      throw error;
    }
  }
}
