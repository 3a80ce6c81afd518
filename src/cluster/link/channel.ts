import { Lifecycle } from "../../shared/lifecycle.ts";
import {
  CloseReason,
  decodeFrame,
  encodeChunk,
  encodeClose,
  encodeProbe,
  encodeStatus,
  type FlowState,
  type Frame,
  FRAME_OVERHEAD_BYTES,
  FrameKind,
} from "./frames.ts";
import { BrokenProtocol, type MessageHandler, Receiver } from "./receiver.ts";
import { Sender } from "./sender.ts";

/** Largest chunk in bytes; both sides of every installation share it. */
export const CHUNK_BYTES_MAX = 128 * 1024;
/** Chunks that may be under way in one direction. */
const WINDOW_CHUNKS = 8;
/** Chunks that arrive before one acknowledgement answers them all at once. */
const UNANSWERED_CHUNKS_MAX = WINDOW_CHUNKS / 2;
/** How long an acknowledgement waits for a chunk that carries it. */
const STATUS_DELAY_MS = 20;
const TICK_MS = 250;
const HEARTBEAT_TICKS = 8;
/** A peer without any frame for this time has ended. Ticks count, so a pause of this process alone ends nothing. */
const SILENT_TICKS = 32;

/** Why a channel ended. */
export type ChannelEnd =
  | { readonly by: "peer"; readonly reason: CloseReason }
  | { readonly by: "silence" }
  /** The peer broke the protocol. */
  | { readonly by: "error"; readonly message: string }
  | { readonly by: "self" };

interface ChannelOptions {
  /**
   * Sends a frame, which may be lost, repeated, delayed or overtaken.
   * @param isUrgent false if the peer waits for no such frame: it may leave later, with others
   */
  readonly send: (frame: Uint8Array, isUrgent: boolean) => void;
  /** A handler that throws ends the channel as an error of the peer. */
  readonly onMessage: MessageHandler;
  /** Called once. */
  readonly onEnd: (end: ChannelEnd) => void;
  /** Largest message that the peer may send. */
  readonly messageBytesMax: number;
  /** Largest frame that may be sent. */
  readonly frameBytesMax: number;
}

/**
 * Two ordered streams of messages between two processes, over frames that may be lost, repeated, delayed or reordered.
 * Modes: `open`, `ended`; nothing is sent or delivered once it has ended.
 */
export class Channel implements AsyncDisposable {
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #lifecycle = new Lifecycle<"open" | "ended">("a channel", "open", {
    open: ["ended"],
    ended: [],
  });
  readonly #ticker: ReturnType<typeof setInterval>;
  #status: ReturnType<typeof setTimeout> | undefined;
  #unanswered = 0;
  #silentTicks = 0;
  #idleTicks = 0;

  constructor(private readonly options: ChannelOptions) {
    const chunkBytes = Math.min(CHUNK_BYTES_MAX, options.frameBytesMax - FRAME_OVERHEAD_BYTES);
    this.#sender = new Sender(
      chunkBytes,
      WINDOW_CHUNKS,
      (chunk) => this.#send(encodeChunk(chunk, this.#flow)),
    );
    this.#receiver = new Receiver(
      { ...options, windowChunks: WINDOW_CHUNKS, chunkBytesMax: CHUNK_BYTES_MAX },
      async (type, bytes) => {
        try {
          await options.onMessage(type, bytes);
        } catch (error) {
          this.#error(error);
        }
      },
      () => this.#answerLater(),
    );
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  get isOpen(): boolean {
    return this.#lifecycle.is("open");
  }

  /** Sends a message. Resolves once all of it was sent, or the channel has ended. */
  async write(type: number, bytes: Uint8Array): Promise<void> {
    if (this.isOpen) await this.#sender.write(type, bytes);
  }

  /** Resolves once the peer has everything, or the channel has ended. */
  async drained(): Promise<void> {
    if (this.isOpen) await this.#sender.drained();
  }

  /** Takes the bytes of a frame from the peer. They are copied. */
  receive(bytes: Uint8Array): void {
    if (!this.isOpen) return;
    const frame = decodeFrame(bytes);
    if (frame === undefined) return this.#error(new BrokenProtocol("a frame cannot be read"));
    this.#silentTicks = 0;
    try {
      this.#take(frame);
    } catch (error) {
      this.#error(error);
    }
  }

  /** Closes the channel on both sides; what was not acknowledged may be lost. */
  close(reason: CloseReason): void {
    if (!this.isOpen) return;
    this.#send(encodeClose(reason, this.#flow), reason !== CloseReason.DONE);
    this.#end({ by: "self" });
  }

  /** Closes it. Resolves once no message is handled any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close(CloseReason.DONE);
    await this.#receiver.end();
  }

  #take(frame: Frame): void {
    if (!this.#sender.acknowledge(frame.acknowledged, frame.credit)) {
      throw new BrokenProtocol(`chunk ${frame.acknowledged} is acknowledged but was never sent`);
    }
    switch (frame.kind) {
      case FrameKind.CHUNK:
        this.#unanswered++;
        // The acknowledgement of a repeated chunk was lost.
        if (!this.#receiver.receive(frame.chunk)) this.#answer();
        else if (this.#unanswered >= UNANSWERED_CHUNKS_MAX) this.#answer();
        else this.#answerLater();
        return;
      case FrameKind.PROBE:
        return this.#answer();
      case FrameKind.CLOSE:
        return this.#end({ by: "peer", reason: frame.reason });
    }
  }

  #tick(): void {
    if (++this.#silentTicks >= SILENT_TICKS) {
      this.#send(encodeClose(CloseReason.UNKNOWN, this.#flow));
      return this.#end({ by: "silence" });
    }
    this.#sender.repeat();
    if (this.#sender.isBlocked) this.#send(encodeProbe(this.#flow));
    else if (++this.#idleTicks >= HEARTBEAT_TICKS) this.#answer(false);
  }

  get #flow(): FlowState {
    return { acknowledged: this.#receiver.acknowledged, credit: this.#receiver.credit };
  }

  #send(frame: Uint8Array, isUrgent = true): void {
    clearTimeout(this.#status);
    this.#status = undefined;
    this.#unanswered = 0;
    this.#idleTicks = 0;
    this.options.send(frame, isUrgent);
  }

  #answer(isUrgent = true): void {
    if (this.isOpen) this.#send(encodeStatus(this.#flow), isUrgent);
  }

  #answerLater(): void {
    if (this.isOpen) this.#status ??= setTimeout(() => this.#answer(false), STATUS_DELAY_MS);
  }

  #error(error: unknown): void {
    if (!this.isOpen) return;
    this.#send(encodeClose(CloseReason.ERROR, this.#flow));
    this.#end({ by: "error", message: error instanceof Error ? error.message : String(error) });
  }

  #end(end: ChannelEnd): void {
    this.#lifecycle.set("ended");
    clearInterval(this.#ticker);
    clearTimeout(this.#status);
    this.#sender.end();
    this.#receiver.end();
    this.options.onEnd(end);
  }
}
