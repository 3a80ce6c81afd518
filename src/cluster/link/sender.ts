/** The sending half of a channel: cuts messages into chunks, and repeats unacknowledged chunks. */
import type { Chunk, MessageHead } from "./frames.ts";

/** How long the oldest chunk waits for its acknowledgement before it is sent again. It doubles with each repetition. */
const REPEAT_AFTER_MS = 300;
const REPEAT_AFTER_MAX_MS = 2_000;
/** Chunks that are repeated at once: other chunks may have arrived. */
const REPEATED_CHUNKS_MAX = 4;
const CHUNK_NUMBER_MAX = 0xffff_ffff;

interface Message {
  readonly head: MessageHead;
  readonly bytes: Uint8Array;
  /** Bytes that chunks have. */
  cut: number;
  /** Called once all of it was sent. */
  readonly sent: () => void;
}

export class Sender {
  readonly #queue: Message[] = [];
  readonly #unacknowledged = new Map<number, Chunk>();
  #last = 0;
  #credit: number;
  #repeatAfterMs = REPEAT_AFTER_MS;
  /** When the oldest chunk was sent last. */
  #sentAt = 0;
  #drained: (() => void)[] = [];

  /** @param credit chunks that may be sent before the first credit of the peer */
  constructor(
    private readonly chunkBytes: number,
    credit: number,
    private readonly send: (chunk: Chunk) => void,
  ) {
    this.#credit = credit;
  }

  /** Whether chunks wait for credit, which may be lost. */
  get isBlocked(): boolean {
    return this.#queue.length > 0;
  }

  /** Sends a message after all earlier messages. Resolves once all of its chunks were sent, which needs credit. */
  write(type: number, bytes: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#queue.push({ head: { type, byteLength: bytes.length }, bytes, cut: 0, sent: resolve });
    this.#pump();
    return promise;
  }

  /** Resolves once the peer has everything. */
  async drained(): Promise<void> {
    if (this.#isDrained) return;
    await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  /** @returns false for an acknowledgement of chunks that were never sent */
  acknowledge(acknowledged: number, credit: number): boolean {
    if (acknowledged > this.#last) return false;
    for (const number of this.#unacknowledged.keys()) {
      if (number > acknowledged) break;
      this.#unacknowledged.delete(number);
      this.#repeatAfterMs = REPEAT_AFTER_MS;
      this.#sentAt = performance.now();
    }
    this.#credit = Math.max(this.#credit, credit);
    this.#pump();
    if (this.#isDrained) this.#drained.splice(0).forEach((resolve) => resolve());
    return true;
  }

  /** Sends the oldest chunks again if their acknowledgement is late. */
  repeat(): void {
    if (this.#unacknowledged.size === 0) return;
    const now = performance.now();
    if (now - this.#sentAt < this.#repeatAfterMs) return;
    this.#sentAt = now;
    this.#repeatAfterMs = Math.min(2 * this.#repeatAfterMs, REPEAT_AFTER_MAX_MS);
    for (const chunk of this.#unacknowledged.values().take(REPEATED_CHUNKS_MAX)) this.send(chunk);
  }

  /** Releases all waiting senders: nothing is sent any more. */
  end(): void {
    this.#queue.splice(0).forEach(({ sent }) => sent());
    this.#unacknowledged.clear();
    this.#drained.splice(0).forEach((resolve) => resolve());
  }

  get #isDrained(): boolean {
    return this.#queue.length === 0 && this.#unacknowledged.size === 0;
  }

  #pump(): void {
    const limit = Math.min(this.#credit, CHUNK_NUMBER_MAX);
    for (let message = this.#queue[0]; message !== undefined; message = this.#queue[0]) {
      if (this.#last >= limit) return;
      const { head, bytes, cut } = message;
      const chunk = {
        number: ++this.#last,
        head: cut === 0 ? head : undefined,
        bytes: bytes.subarray(cut, cut + this.chunkBytes),
      };
      message.cut += chunk.bytes.length;
      if (this.#unacknowledged.size === 0) this.#sentAt = performance.now();
      this.#unacknowledged.set(chunk.number, chunk);
      // Before the chunk is sent: an answer may come at once.
      if (message.cut === bytes.length) this.#queue.shift();
      this.send(chunk);
      if (message.cut === bytes.length) message.sent();
    }
  }
}
