/** Replies to host calls: their encoding, their limits, and the writer of one instance's stdin. */
import { getLogger } from "@logtape/logtape";
import {
  concatenate,
  type DeferredContent,
  encodeJson,
  type JsonPart,
  readContent,
} from "../../shared/json_text.ts";
import type { Input } from "./process.ts";
import type { ByteBudget } from "../../shared/byte_budget.ts";
import { HOST_REPLY_HEAD_BYTES } from "../../runtime/wire.ts";
import { HostCallError, type HostReply } from "../contract.ts";
import { formatBytes } from "../../config/mod.ts";

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
  /** The last reply with content to read; such replies go one after another. */
  #lastDeferred: Promise<void> = Promise.resolve();
  /** Resolves when the reply whose pieces are being written is whole. */
  #writing: Promise<void> | undefined;

  /** @param signal aborts when the run has ended; nothing is written then */
  constructor(
    private readonly stdin: Input,
    private readonly budget: ByteBudget,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Writes a reply.
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
        using share = await this.budget.take(contentBytes, this.signal);
        if (share === undefined) return;
        const read: Uint8Array[] = [];
        for (const part of parts) read.push(await readContent(part));
        this.#writing = whole.promise;
        at = await this.#writePieces(read, at, length, share, onLast);
      }
    } catch (error) {
      if (this.#writing === undefined) throw error;
      // Half of a reply cannot be taken back: the function waits for the rest until its timeout.
      logger.error("Failed to read the rest of a reply to a host call: {error}", { error });
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
      this.budget.isWanted && performance.now() - start >= CONTENT_HOLD_MAX_MS;
    for (let at = from; at < length;) {
      if (this.signal.aborted) return length;
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
    if (!this.signal.aborted) await this.stdin.write(bytes);
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

/** A reply in memory, or one with content that is read when it is sent. */
export type EncodedReply =
  | { readonly kind: "whole"; readonly bytes: Uint8Array<ArrayBuffer> }
  | {
    readonly kind: "deferred";
    readonly parts: readonly (Uint8Array | DeferredContent)[];
    /** Bytes of the content to read. */
    readonly contentBytes: number;
  };

const encoder = new TextEncoder();

/** Encodes the head, the JSON and the bare bytes of a reply. */
export function encodeReply(
  number: number,
  status: number,
  { value = null, bytes = new Uint8Array() }: HostReply,
): EncodedReply {
  const json = encodeJson(value).map(bytesOf);
  const head = new Uint8Array(HOST_REPLY_HEAD_BYTES);
  const view = new DataView(head.buffer);
  view.setUint32(0, number);
  view.setUint8(4, status);
  view.setUint32(5, lengthOf(json));
  view.setUint32(9, bytes.length);
  const parts = [head, ...json, bytes];
  const deferred = parts.filter(isDeferred);
  return deferred.length === 0
    ? { kind: "whole", bytes: concatenate(parts as Uint8Array[]) }
    : { kind: "deferred", parts, contentBytes: lengthOf(deferred) };
}

/** A copy of at most so many bytes from an offset on, so that the parts may go while it is written. */
function pieceAt(
  parts: readonly Uint8Array[],
  offset: number,
  maxBytes: number,
): Uint8Array<ArrayBuffer> {
  let rest = offset;
  for (const part of parts) {
    if (rest < part.length) return new Uint8Array(part.subarray(rest, rest + maxBytes));
    rest -= part.length;
  }
  throw new RangeError(
    `A reply ended early at byte ${offset}: its content has become shorter`,
  );
}

/** Bytes of all parts together. */
export function lengthOf(parts: readonly { readonly byteLength: number }[]): number {
  return parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function bytesOf(part: JsonPart): Uint8Array | DeferredContent {
  return typeof part === "string" ? encoder.encode(part) : part;
}

function isDeferred(part: Uint8Array | DeferredContent): part is DeferredContent {
  return !(part instanceof Uint8Array);
}

/** Most content of one reply. An invocation sends such replies one after another, so it is the limit of an invocation, too. */
export const REPLY_CONTENT_MAX_BYTES = 64 * 1024 * 1024;
/** Most content of all replies of the server that is in memory. Further replies wait. */
export const REPLIES_CONTENT_MAX_BYTES = 256 * 1024 * 1024;

/** @throws HostCallError for a content that exceeds the limit of one reply */
export function checkReplyContent(bytes: number): void {
  if (bytes <= REPLY_CONTENT_MAX_BYTES) return;
  throw new HostCallError(
    "RESOURCE_EXHAUSTED",
    `Reply too large: it has ${formatBytes(bytes)}, and the limit of one host call is ` +
      formatBytes(REPLY_CONTENT_MAX_BYTES),
  );
}
