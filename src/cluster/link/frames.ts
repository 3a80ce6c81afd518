/**
 * The frames of a channel. All numbers are unsigned and big-endian. Every frame begins with its kind (one byte), the
 * acknowledgement (4 bytes: the last chunk up to which all have arrived) and the credit (4 bytes: the last chunk that may
 * be sent).
 *
 * - `CHUNK`: number of the chunk (4 bytes, from 1 on), whether it begins a message (one byte), for such a chunk the type
 *   (one byte) and length of the message (4 bytes), then the bytes.
 * - `STATUS`: nothing more. It acknowledges, gives credit, and shows that its sender lives.
 * - `PROBE`: nothing more. Its receiver answers with `STATUS` at once.
 * - `CLOSE`: the reason (one byte). No frame follows, and none answers it.
 */

export const FrameKind = { CHUNK: 1, STATUS: 2, PROBE: 3, CLOSE: 4 } as const;

/** Why a side closed its channel. */
export const CloseReason = {
  /** All is said. */
  DONE: 0,
  /** The worker has no free slot. */
  FULL: 1,
  /** The worker takes nothing new. */
  DRAINING: 2,
  /** The worker does not speak the protocol of the offer. */
  PROTOCOL: 3,
  /** The receiver of a frame knows no such session, or no longer. */
  UNKNOWN: 4,
  /** The slot was held too long for the job. */
  EXPIRED: 5,
  /** The peer broke the protocol of this file or of `messages.ts`. */
  ERROR: 6,
  /** The worker cannot start an instance for the job that it got: none of the job's code ran. */
  NOT_BEGUN: 7,
} as const;

export type CloseReason = typeof CloseReason[keyof typeof CloseReason];

const HEAD_BYTES = 9;
const CHUNK_HEAD_BYTES = HEAD_BYTES + 5;
const BEGIN_BYTES = 5;
/** Most bytes of a frame besides its chunk. */
export const FRAME_OVERHEAD_BYTES = CHUNK_HEAD_BYTES + BEGIN_BYTES;

/** What every frame says of the other direction. */
export interface FlowState {
  readonly acknowledged: number;
  readonly credit: number;
}

/** Begins a message. */
export interface MessageHead {
  readonly type: number;
  readonly byteLength: number;
}

/** A part of a message. */
export interface Chunk {
  /** Counts from 1. */
  readonly number: number;
  /** Present in the first chunk of a message. */
  readonly head: MessageHead | undefined;
  readonly bytes: Uint8Array;
}

export type Frame =
  & FlowState
  & (
    | { readonly kind: typeof FrameKind.CHUNK; readonly chunk: Chunk }
    | { readonly kind: typeof FrameKind.STATUS | typeof FrameKind.PROBE }
    | { readonly kind: typeof FrameKind.CLOSE; readonly reason: CloseReason }
  );

const REASONS: ReadonlySet<number> = new Set(Object.values(CloseReason));

export function encodeChunk({ number, head, bytes }: Chunk, flow: FlowState): Uint8Array {
  const begin = head === undefined ? 0 : BEGIN_BYTES;
  const frame = newFrame(FrameKind.CHUNK, flow, CHUNK_HEAD_BYTES + begin + bytes.length);
  const view = new DataView(frame.buffer);
  view.setUint32(HEAD_BYTES, number);
  view.setUint8(HEAD_BYTES + 4, head === undefined ? 0 : 1);
  if (head !== undefined) {
    view.setUint8(CHUNK_HEAD_BYTES, head.type);
    view.setUint32(CHUNK_HEAD_BYTES + 1, head.byteLength);
  }
  frame.set(bytes, CHUNK_HEAD_BYTES + begin);
  return frame;
}

export function encodeStatus(flow: FlowState): Uint8Array {
  return newFrame(FrameKind.STATUS, flow, HEAD_BYTES);
}

export function encodeProbe(flow: FlowState): Uint8Array {
  return newFrame(FrameKind.PROBE, flow, HEAD_BYTES);
}

export function encodeClose(
  reason: CloseReason,
  flow: FlowState = { acknowledged: 0, credit: 0 },
): Uint8Array {
  const frame = newFrame(FrameKind.CLOSE, flow, HEAD_BYTES + 1);
  frame[HEAD_BYTES] = reason;
  return frame;
}

/** Reads a frame, whose bytes it does not copy; undefined for other bytes. */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flow = { acknowledged: view.getUint32(1), credit: view.getUint32(5) };
  const kind = view.getUint8(0);
  switch (kind) {
    case FrameKind.CHUNK: {
      const chunk = decodeChunk(bytes, view);
      return chunk === undefined ? undefined : { kind, ...flow, chunk };
    }
    case FrameKind.STATUS:
    case FrameKind.PROBE:
      return bytes.length === HEAD_BYTES ? { kind, ...flow } : undefined;
    case FrameKind.CLOSE: {
      const reason = bytes[HEAD_BYTES];
      if (bytes.length !== HEAD_BYTES + 1 || !REASONS.has(reason ?? -1)) return undefined;
      return { kind, ...flow, reason: reason as CloseReason };
    }
    default:
      return undefined;
  }
}

/** Whether these bytes close a channel: nobody answers them. */
export function isClose(bytes: Uint8Array): boolean {
  return bytes[0] === FrameKind.CLOSE;
}

function decodeChunk(bytes: Uint8Array, view: DataView): Chunk | undefined {
  if (bytes.length < CHUNK_HEAD_BYTES) return undefined;
  const number = view.getUint32(HEAD_BYTES);
  const begins = view.getUint8(HEAD_BYTES + 4);
  if (number === 0 || begins > 1) return undefined;
  if (begins === 0) return { number, head: undefined, bytes: bytes.subarray(CHUNK_HEAD_BYTES) };
  if (bytes.length < FRAME_OVERHEAD_BYTES) return undefined;
  const head = {
    type: view.getUint8(CHUNK_HEAD_BYTES),
    byteLength: view.getUint32(CHUNK_HEAD_BYTES + 1),
  };
  return { number, head, bytes: bytes.subarray(FRAME_OVERHEAD_BYTES) };
}

function newFrame(kind: number, flow: FlowState, byteLength: number): Uint8Array {
  const frame = new Uint8Array(byteLength);
  const view = new DataView(frame.buffer);
  view.setUint8(0, kind);
  view.setUint32(1, flow.acknowledged);
  view.setUint32(5, flow.credit);
  return frame;
}
