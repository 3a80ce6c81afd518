/** Writes the replies of one instance to its stdin, within the limits of their bytes. */
import { getLogger } from "@logtape/logtape";
import { readContent } from "../../shared/content.ts";
import { type EncodedReply, lengthOf, pieceAt } from "./host_reply.ts";
import type { Input } from "./pipes.ts";
import type { ByteBudget } from "../../shared/byte_budget.ts";

const logger = getLogger(["invoked", "sandbox"]);

/** Bytes that are written at once. */
const PIECE_BYTES = 256 * 1024;
/**
 * How long content stays in memory for a slow reader while other replies wait for memory. After that it is dropped, and read
 * again for its rest.
 */
const CONTENT_HOLD_MAX_MS = 1_000;

type DeferredReply = Extract<EncodedReply, { kind: "deferred" }>;

/** Writes replies one after another: those in memory at once, others once their content may be read. */
export class ReplyWriter {
  readonly #stdin: Input;
  readonly #budget: ByteBudget;
  readonly #signal: AbortSignal;
  /** The last reply with content to read; such replies go one after another. */
  #lastDeferred: Promise<void> = Promise.resolve();
  /** Resolves when the reply whose pieces are being written is whole. */
  #writing: Promise<void> | undefined;

  /** @param signal aborts when the run has ended; nothing is written then */
  constructor(stdin: Input, budget: ByteBudget, signal: AbortSignal) {
    this.#stdin = stdin;
    this.#budget = budget;
    this.#signal = signal;
  }

  /**
   * Writes a reply. A broken pipe is not an error: the process has ended, and its ending is reported elsewhere.
   * @param onLast called before the last write, after which the function may know the whole reply
   * @throws what reading the content throws, if nothing is written yet
   */
  async write(reply: EncodedReply, onLast: () => void): Promise<void> {
    if (reply.kind === "deferred") return await this.#queue(reply, onLast);
    while (this.#writing !== undefined) await this.#writing;
    onLast();
    await this.#put(reply.bytes);
  }

  async #queue(reply: DeferredReply, onLast: () => void): Promise<void> {
    const sent = this.#lastDeferred.then(() => this.#send(reply, onLast));
    this.#lastDeferred = sent.catch(() => {});
    await sent;
  }

  async #send({ parts, contentBytes }: DeferredReply, onLast: () => void): Promise<void> {
    const length = lengthOf(parts);
    const whole = Promise.withResolvers<void>();
    try {
      for (let at = 0; at < length;) {
        using share = await this.#budget.take(contentBytes, this.#signal);
        if (share === undefined) return;
        const read: Uint8Array[] = [];
        for (const part of parts) read.push(await readContent(part));
        this.#writing = whole.promise;
        at = await this.#writePieces(read, at, length, share, onLast);
      }
    } catch (error) {
      if (this.#writing === undefined) throw error;
      // Half of a reply cannot be taken back: the function waits for the rest until its timeout.
      logger.error("Cannot read the rest of a reply to a host call: {error}", { error });
    } finally {
      this.#writing = undefined;
      whole.resolve();
    }
  }

  /** Writes pieces to the end, or until others need the memory. Returns how far it came. */
  async #writePieces(
    parts: Uint8Array[],
    from: number,
    length: number,
    share: Disposable,
    onLast: () => void,
  ): Promise<number> {
    const start = performance.now();
    const mustYield = () =>
      this.#budget.isWanted && performance.now() - start >= CONTENT_HOLD_MAX_MS;
    for (let at = from; at < length;) {
      if (this.#signal.aborted) return length;
      const piece = pieceAt(parts, at, PIECE_BYTES);
      at += piece.length;
      if (at === length) onLast();
      const written = this.#put(piece);
      while (!await isSettledIn(written, CONTENT_HOLD_MAX_MS)) {
        if (!mustYield()) continue;
        parts.length = 0;
        share[Symbol.dispose]();
        await written;
        return at;
      }
      if (mustYield()) return at;
    }
    return length;
  }

  async #put(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (!this.#signal.aborted) await this.#stdin.write(bytes).catch(() => {});
  }
}

/** Whether the promise settles within this time. */
async function isSettledIn(promise: Promise<void>, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  const isSettled = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return isSettled;
}
