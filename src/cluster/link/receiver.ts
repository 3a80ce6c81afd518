/** The receiving half of a channel: puts chunks in order, drops repeated chunks, and joins chunks to messages. */
import { formatBytes } from "../../config/mod.ts";
import type { Chunk } from "./frames.ts";

/** Takes a message. Its promise delays the next message, and with it the credit of the peer. */
export type MessageHandler = (type: number, bytes: Uint8Array) => Promise<void> | void;

interface ReceiverLimits {
  /** Chunks that the peer may send beyond the last consumed chunk. */
  readonly windowChunks: number;
  readonly chunkBytesMax: number;
  readonly messageBytesMax: number;
}

/** What the peer did wrong; it cannot be an error of the network. */
export class BrokenProtocol extends Error {
  override name = "BrokenProtocol";
}

interface Assembly {
  readonly type: number;
  readonly bytes: Uint8Array;
  filled: number;
}

export class Receiver {
  readonly #early = new Map<number, Chunk>();
  #arrived = 0;
  #consumed = 0;
  #assembly: Assembly | undefined;
  /** Whole messages, in order, until their handler is done. */
  #delivering: Promise<void> | undefined;
  readonly #messages: {
    readonly type: number;
    readonly bytes: Uint8Array;
    readonly last: number;
  }[] = [];
  #isEnded = false;

  /** @param onConsumed called when the peer gets more credit */
  constructor(
    private readonly limits: ReceiverLimits,
    private readonly onMessage: MessageHandler,
    private readonly onConsumed: () => void,
  ) {}

  /** The last chunk up to which all have arrived. */
  get acknowledged(): number {
    return this.#arrived;
  }

  /** The last chunk that the peer may send. */
  get credit(): number {
    return this.#consumed + this.limits.windowChunks;
  }

  /**
   * @returns whether the chunk is new
   * @throws BrokenProtocol
   */
  receive(chunk: Chunk): boolean {
    const { number, bytes } = chunk;
    if (number <= this.#arrived || this.#early.has(number)) return false;
    if (number > this.credit) {
      throw new BrokenProtocol(`chunk ${number} exceeds the credit of ${this.credit}`);
    }
    if (bytes.length > this.limits.chunkBytesMax) {
      throw new BrokenProtocol(
        `a chunk has ${formatBytes(bytes.length)}, the limit is ${
          formatBytes(this.limits.chunkBytesMax)
        }`,
      );
    }
    this.#early.set(number, { ...chunk, bytes: bytes.slice() });
    for (;;) {
      const next = this.#early.get(this.#arrived + 1);
      if (next === undefined) return true;
      this.#early.delete(next.number);
      this.#arrived = next.number;
      this.#join(next);
    }
  }

  /** Delivers nothing more. Resolves once no handler runs. */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#messages.length = 0;
    this.#early.clear();
    this.#assembly = undefined;
    await this.#delivering;
  }

  #join({ number, head, bytes }: Chunk): void {
    if ((head === undefined) !== (this.#assembly !== undefined)) {
      throw new BrokenProtocol(`chunk ${number} is out of order in its message`);
    }
    const assembly = this.#assembly ??= this.#begin(head as { type: number; byteLength: number });
    if (assembly.filled + bytes.length > assembly.bytes.length) {
      throw new BrokenProtocol(
        `a message is longer than its ${formatBytes(assembly.bytes.length)}`,
      );
    }
    if (bytes.length === 0 && assembly.bytes.length > 0) {
      throw new BrokenProtocol(`chunk ${number} is empty`);
    }
    assembly.bytes.set(bytes, assembly.filled);
    assembly.filled += bytes.length;
    if (assembly.filled < assembly.bytes.length) {
      // The limit of a message bounds the memory of an unfinished message.
      if (this.#messages.length === 0) this.#consume(number);
      return;
    }
    this.#assembly = undefined;
    this.#messages.push({ type: assembly.type, bytes: assembly.bytes, last: number });
    this.#delivering ??= this.#deliver();
  }

  #begin({ type, byteLength }: { readonly type: number; readonly byteLength: number }): Assembly {
    const { messageBytesMax } = this.limits;
    if (byteLength > messageBytesMax) {
      throw new BrokenProtocol(
        `a message has ${formatBytes(byteLength)}, the limit is ${formatBytes(messageBytesMax)}`,
      );
    }
    return { type, bytes: new Uint8Array(byteLength), filled: 0 };
  }

  async #deliver(): Promise<void> {
    // Chunks that arrived at the same time count before the first handler runs.
    await undefined;
    for (let next = this.#messages[0]; next !== undefined; next = this.#messages[0]) {
      const pause = this.onMessage(next.type, next.bytes);
      if (pause !== undefined) await pause;
      if (this.#isEnded) break;
      this.#messages.shift();
      this.#consume(this.#messages.length === 0 ? this.#arrived : next.last);
    }
    this.#delivering = undefined;
  }

  #consume(number: number): void {
    this.#consumed = number;
    this.onConsumed();
  }
}
