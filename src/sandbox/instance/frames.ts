/** Reads the hostile stdout of an instance: frames of its bootstrap between text of its function. */
import { concatenate } from "../../shared/json_text.ts";
import {
  CodeCacheUse,
  FAILURE_MESSAGE_MAX_UNITS,
  FAILURE_NAME_MAX_UNITS,
  FAILURE_RELATED_MAX,
  FAILURE_STACK_MAX_UNITS,
  FRAME_HEAD_BYTES,
  FrameKind,
  HOST_CALL_MAX_BYTES,
  IDLE_BYTES,
  INVOCATION_HEAD_BYTES,
  INVOCATION_LIMITS_BYTES,
  InvocationFlag,
  LOAD_HEAD_BYTES,
  LOADED_BYTES,
  LOG_FRAME_MAX_UNITS,
  NONCE_BYTES,
  NONCE_MARK,
  RELATED_MESSAGE_MAX_UNITS,
  RELATED_PATH_MAX_UNITS,
  RELATED_STACK_MAX_UNITS,
  USAGE_BYTES,
} from "../../runtime/wire.ts";
import { Lifecycle, type Transitions } from "../../shared/lifecycle.ts";
import type { SandboxJob } from "../contract.ts";
import type { ProcessLimits } from "./process.ts";
import { RECORDED_MAX_BYTES } from "./recorded.ts";

/** Most bytes of one UTF-16 unit in UTF-8, and as an escape in JSON. */
const UTF8_BYTES_PER_UNIT = 3;
const ESCAPE_BYTES_PER_UNIT = 6;
const FAILURE_KEYS_BYTES = 1024;
const BYTES_PER_KIB = 1024;
const MICROS_PER_MS = 1000;

/** The levels of log frames, in the order of their kinds. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

const LOG_MAX_BYTES = LOG_FRAME_MAX_UNITS * UTF8_BYTES_PER_UNIT;
const RELATED_MAX_BYTES = FAILURE_KEYS_BYTES + ESCAPE_BYTES_PER_UNIT *
    (RELATED_PATH_MAX_UNITS + FAILURE_NAME_MAX_UNITS + RELATED_MESSAGE_MAX_UNITS +
      RELATED_STACK_MAX_UNITS);
const FAILURE_MAX_BYTES = FAILURE_KEYS_BYTES + FAILURE_RELATED_MAX * RELATED_MAX_BYTES +
  ESCAPE_BYTES_PER_UNIT *
    (FAILURE_NAME_MAX_UNITS + FAILURE_MESSAGE_MAX_UNITS + FAILURE_STACK_MAX_UNITS);

/** Most bytes of the body of each kind of frame but the result, whose limit is that of the output. */
const BODY_MAX_BYTES: ReadonlyMap<number, number> = new Map([
  [FrameKind.ACCEPTED, 0],
  [FrameKind.NEEDS_INVOCATION, 0],
  [FrameKind.IDLE, IDLE_BYTES],
  [FrameKind.LOADED, LOADED_BYTES],
  [FrameKind.USAGE, USAGE_BYTES],
  [FrameKind.READINGS, RECORDED_MAX_BYTES],
  ...LOG_LEVELS.map((_, level) => [FrameKind.LOG + level, LOG_MAX_BYTES] as const),
  [FrameKind.FAILURE, FAILURE_MAX_BYTES],
  [FrameKind.HOST_CALL, HOST_CALL_MAX_BYTES],
]);

/** How a script was loaded. */
export interface Loaded {
  /** Time to evaluate it, or to compile it where nothing more was asked for. */
  readonly ms: number;
  /** Whether V8 did not take its code cache. */
  readonly hasRejectedCache: boolean;
}

const NOT_MEASURED: Loaded = { ms: 0, hasRejectedCache: false };

/** The body of a `LOADED` frame. */
export function loadedOf(bytes: Uint8Array): Loaded {
  if (bytes.length < LOADED_BYTES) return NOT_MEASURED;
  return {
    ms: new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / MICROS_PER_MS,
    hasRejectedCache: bytes[LOADED_BYTES - 1] === CodeCacheUse.REJECTED,
  };
}

/** What a process has used in an invocation, as it reports itself. */
export interface ProcessUsage {
  readonly cpuMs: number;
  /** Peak of resident memory, pages that it shares with its template included. */
  readonly peakBytes: number;
}

/** The body of a `USAGE` frame: {@link ProcessUsage}, and whether a mark on stderr precedes the answer. */
export function usageOf(bytes: Uint8Array) {
  if (bytes.length < USAGE_BYTES) return undefined;
  const numbers = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    cpuMs: numbers.getUint32(0) / MICROS_PER_MS,
    peakBytes: numbers.getUint32(4) * BYTES_PER_KIB,
    isMarked: numbers.getUint8(USAGE_BYTES - 1) !== 0,
  };
}

/** The parts of the stream, in order. Byte arrays of text are valid only until the callback returns. */
export interface FrameEvents {
  /** Text between frames. */
  text(bytes: Uint8Array): void;
  /** A frame of one of {@link FrameKind}: any but `IDLE` up to a result or failure, after a result `IDLE` alone. */
  frame(kind: number, body: Uint8Array): void;
  /** The head of a result announced more bytes than the limit. */
  resultTooLarge(bytes: number): void;
  /** A frame that the bootstrap cannot have written. */
  broken(): void;
}

/** A new nonce. */
export function makeNonce(): Uint8Array<ArrayBuffer> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  nonce[0] = NONCE_MARK;
  return nonce;
}

const encoder = new TextEncoder();

/** What a process loads. */
export interface LoadMessage {
  /** One of {@link LoadPurpose}. */
  readonly purpose: number;
  readonly script: string;
  /** What V8 has to compile of the script; all of it if absent. */
  readonly codeCache?: Uint8Array | undefined;
}

/** The first message to a process. */
export function encodeLoad(
  nonce: Uint8Array,
  limits: { readonly outputBytes: number; readonly logBytes: number },
  { purpose, script, codeCache = new Uint8Array(0) }: LoadMessage,
): Uint8Array<ArrayBuffer> {
  const text = encoder.encode(script);
  const head = new Uint8Array(LOAD_HEAD_BYTES);
  head.set(nonce);
  head[NONCE_BYTES] = purpose;
  const numbers = new DataView(head.buffer, NONCE_BYTES + 1);
  [limits.outputBytes, limits.logBytes, text.length, codeCache.length]
    .forEach((number, index) => numbers.setUint32(4 * index, number));
  return concatenate([head, text, codeCache]);
}

/**
 * A message with an invocation. With `keep` another one may follow.
 * @param lowered limits that the process has to set for itself
 */
export function encodeInvocation(
  { handler, inputJson, config, context }: Pick<
    SandboxJob,
    "handler" | "inputJson" | "config" | "context"
  >,
  keep: boolean,
  lowered: ProcessLimits | undefined,
): Uint8Array<ArrayBuffer> {
  const input = encoder.encode(inputJson);
  const rest = encoder.encode(JSON.stringify({ ...config, context }));
  const head = new Uint8Array(INVOCATION_HEAD_BYTES);
  head[0] = (keep ? InvocationFlag.KEEP : 0) | (lowered === undefined ? 0 : InvocationFlag.LIMITS) |
    (handler === "fetch" ? InvocationFlag.FETCH : 0);
  const numbers = new DataView(head.buffer, 1);
  numbers.setUint32(0, input.length);
  numbers.setUint32(4, rest.length);
  const limits = lowered === undefined ? [] : [encodeLimits(lowered)];
  return concatenate([head, ...limits, input, rest]);
}

function encodeLimits({ dataBytes, cpuSeconds }: ProcessLimits): Uint8Array {
  const bytes = new Uint8Array(INVOCATION_LIMITS_BYTES);
  const numbers = new DataView(bytes.buffer);
  numbers.setUint32(0, Math.floor(dataBytes / BYTES_PER_KIB));
  numbers.setUint32(4, cpuSeconds);
  return bytes;
}

/** The first index of the nonce, or of a prefix of it at the end of the bytes; -1 without either. */
function findNonce(bytes: Uint8Array, nonce: Uint8Array): number {
  let at = bytes.indexOf(NONCE_MARK);
  while (at >= 0) {
    const end = Math.min(at + NONCE_BYTES, bytes.length);
    let equal = at + 1;
    while (equal < end && bytes[equal] === nonce[equal - at]) equal++;
    if (equal === end) return at;
    at = bytes.indexOf(NONCE_MARK, at + 1);
  }
  return -1;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  return first.length === 0 ? second : concatenate([first, second]);
}

const MARK_TRANSITIONS: Transitions<"skipping" | "reading" | "ended"> = {
  skipping: ["reading", "ended"],
  reading: ["ended"],
  ended: [],
};

/**
 * Reads stderr up to the mark that the bootstrap writes before its answer.
 *
 * Modes: `skipping` until a first mark (reused instances only), `reading`, `ended` after the mark of the answer.
 */
export class MarkReader {
  /** Stderr has no frames. */
  readonly bodyBytesLeft = 0;
  readonly #lifecycle: Lifecycle<keyof typeof MARK_TRANSITIONS>;
  /** Bytes at the end of the last chunk that may begin the mark. */
  #held: Uint8Array = new Uint8Array(0);

  /** @param beginsWithMark whether to discard everything before a first mark */
  constructor(
    private readonly nonce: Uint8Array,
    beginsWithMark: boolean,
    private readonly text: (bytes: Uint8Array) => void,
    private readonly marked: () => void,
  ) {
    this.#lifecycle = new Lifecycle(
      "mark reader",
      beginsWithMark ? "skipping" : "reading",
      MARK_TRANSITIONS,
    );
  }

  push(chunk: Uint8Array): void {
    if (this.#lifecycle.is("ended")) return;
    const isReading = this.#lifecycle.is("reading");
    const bytes = joined(this.#held, chunk);
    const at = findNonce(bytes, this.nonce);
    const textEnd = at < 0 ? bytes.length : at;
    this.#held = bytes.slice(textEnd);
    if (textEnd > 0 && isReading) this.text(bytes.subarray(0, textEnd));
    if (this.#held.length < NONCE_BYTES) return;
    if (isReading) {
      this.#lifecycle.set("ended");
      this.marked();
    } else {
      const rest = this.#held.subarray(NONCE_BYTES);
      this.#held = new Uint8Array(0);
      this.#lifecycle.set("reading");
      this.push(rest);
    }
  }

  /** The stream ended: the bytes that were held back are text. */
  close(): void {
    if (this.#lifecycle.is("ended")) return;
    if (this.#lifecycle.is("reading") && this.#held.length > 0) this.text(this.#held);
    this.#lifecycle.set("ended");
  }
}

const FRAME_TRANSITIONS: Transitions<"open" | "answered" | "ended"> = {
  open: ["answered", "ended"],
  answered: ["ended"],
  ended: [],
};

/**
 * Splits the stream into frames and text. Holds at most one frame's body, whose length was checked, and the first bytes
 * of a possible head.
 *
 * Modes: `open`, `answered` after a result (only `IDLE` is reported), `ended` after that, a failure or a broken frame
 * (everything is dropped).
 */
export class FrameReader {
  /** Bytes at the end of the last chunk that may begin a head. */
  #held: Uint8Array = new Uint8Array(0);
  #frame: { readonly kind: number; readonly body: Uint8Array } | undefined;
  /** Bytes of a frame's body that the next chunk begins with. */
  bodyBytesLeft = 0;
  readonly #lifecycle = new Lifecycle("frame reader", "open", FRAME_TRANSITIONS);

  constructor(
    private readonly nonce: Uint8Array,
    private readonly outputBytes: number,
    private readonly events: FrameEvents,
  ) {}

  push(chunk: Uint8Array): void {
    let rest = joined(this.#held, chunk);
    this.#held = new Uint8Array(0);
    while (rest.length > 0 && !this.#lifecycle.is("ended")) {
      if (this.#frame === undefined) rest = this.#readHead(rest);
      if (this.#frame !== undefined) rest = this.#readBody(rest, this.#frame);
    }
  }

  /** The output of the invocation ended: the bytes that were held back are text. */
  close(): void {
    if (!this.#lifecycle.is("open")) return;
    if (this.#held.length > 0) this.#text(this.#held);
    this.#lifecycle.set("ended");
  }

  /** Reads the text up to the next head and that head. Returns the rest. */
  #readHead(bytes: Uint8Array): Uint8Array {
    const at = findNonce(bytes, this.nonce);
    const textEnd = at < 0 ? bytes.length : at;
    if (textEnd > 0) this.#text(bytes.subarray(0, textEnd));
    if (bytes.length - textEnd < FRAME_HEAD_BYTES) {
      this.#held = bytes.slice(textEnd);
      return bytes.subarray(bytes.length);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset + textEnd + NONCE_BYTES);
    const kind = view.getUint8(0);
    const length = view.getUint32(1);
    const limit = kind === FrameKind.RESULT ? this.outputBytes : BODY_MAX_BYTES.get(kind) ?? -1;
    if (length > limit) {
      this.#reject(kind, length);
    } else {
      this.#frame = { kind, body: new Uint8Array(length) };
      this.bodyBytesLeft = length;
    }
    return bytes.subarray(textEnd + FRAME_HEAD_BYTES);
  }

  /** Ends at a head of an unknown kind, or of one that announces too many bytes. */
  #reject(kind: number, length: number): void {
    const isAnswered = this.#lifecycle.is("answered");
    this.#lifecycle.set("ended");
    if (isAnswered) return;
    if (kind === FrameKind.RESULT) this.events.resultTooLarge(length);
    else this.events.broken();
  }

  #readBody(
    bytes: Uint8Array,
    { kind, body }: { readonly kind: number; readonly body: Uint8Array },
  ): Uint8Array {
    const part = bytes.subarray(0, this.bodyBytesLeft);
    body.set(part, body.length - this.bodyBytesLeft);
    this.bodyBytesLeft -= part.length;
    if (this.bodyBytesLeft === 0) {
      this.#frame = undefined;
      this.#deliver(kind, body);
    }
    return bytes.subarray(part.length);
  }

  #text(bytes: Uint8Array): void {
    if (this.#lifecycle.is("open")) this.events.text(bytes);
  }

  #deliver(kind: number, body: Uint8Array): void {
    const isAnswered = this.#lifecycle.is("answered");
    if (isAnswered && kind !== FrameKind.IDLE) return;
    if (kind === FrameKind.RESULT) this.#lifecycle.set("answered");
    if (kind === FrameKind.FAILURE || kind === FrameKind.IDLE) this.#lifecycle.set("ended");
    // The bootstrap never sends that it is idle before its answer.
    if (kind === FrameKind.IDLE && !isAnswered) this.events.broken();
    else this.events.frame(kind, body);
  }
}
