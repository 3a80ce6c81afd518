/** The messages that a process receives, and the frames that it writes. */
import {
  bufferOf,
  byteLength,
  Bytes,
  decode,
  encode,
  exit,
  readStdin,
  setBytes,
  writeStderr,
  writeStdout,
} from "./primordials.ts";
import {
  FRAME_HEAD_BYTES,
  INVOCATION_HEAD_BYTES,
  INVOCATION_LIMITS_BYTES,
  InvocationFlag,
  LOAD_HEAD_BYTES,
  LoadPurpose,
  NONCE_BYTES,
} from "./wire.ts";

/** Exit code of a process whose server ended before the invocation. */
const EXIT_ABANDONED = 0;
/** Exit code of a process that cannot do what the server asks for. */
const EXIT_CONFUSED = 122;

export const NOTHING = encode("");

/** Reads some bytes into the array, and returns how many; null at the end. */
export type Read = (into: Uint8Array) => number | null;

/** Blocks until `length` bytes are read. Exits if the input ends first. */
export function readExactly(length: number, read: Read = readStdin): Uint8Array<ArrayBuffer> {
  const bytes = new Bytes(length);
  let filled = 0;
  while (filled < length) {
    const count = read(new Bytes(bufferOf(bytes), filled));
    if (count === null) return exit(EXIT_ABANDONED);
    filled += count;
  }
  return bytes;
}

/** The code of this process. */
export type Load = Readonly<ReturnType<typeof receiveLoad>>;

/** Blocks until the load message is read. Runs before user code. */
export function receiveLoad(read?: Read) {
  const head = readExactly(LOAD_HEAD_BYTES, read);
  const at = NONCE_BYTES + 1;
  const script = decode(readExactly(uint32(head, at + 8), read));
  const codeCacheBytes = uint32(head, at + 12);
  return {
    nonce: head.slice(0, NONCE_BYTES),
    /** One of {@link LoadPurpose}. */
    purpose: head[NONCE_BYTES] ?? LoadPurpose.INVOCATION,
    outputBytes: uint32(head, at),
    logBytes: uint32(head, at + 4),
    script,
    codeCache: codeCacheBytes === 0 ? undefined : readExactly(codeCacheBytes, read),
  };
}

/** Lowers the limits of this process for good. */
export type LowerLimits = (memoryKib: number, cpuSeconds: number) => void;

/** One invocation in this process. */
export type InvocationMessage = Readonly<ReturnType<typeof receiveInvocation>>;

/**
 * Blocks until the invocation message is read. User code may have run before.
 * @param lowerLimits of a fork that has not run an invocation
 */
export function receiveInvocation(lowerLimits?: LowerLimits, read?: Read) {
  const head = readExactly(INVOCATION_HEAD_BYTES, read);
  const flags = head[0] ?? 0;
  if ((flags & InvocationFlag.LIMITS) !== 0) {
    const limits = readExactly(INVOCATION_LIMITS_BYTES, read);
    if (lowerLimits === undefined) return exit(EXIT_CONFUSED);
    lowerLimits(uint32(limits, 0), uint32(limits, 4));
  }
  return {
    /** Whether the process waits for another invocation after this one. */
    keep: (flags & InvocationFlag.KEEP) !== 0,
    /** Whether the input is a request for `fetch`. */
    isFetch: (flags & InvocationFlag.FETCH) !== 0,
    inputJson: decode(readExactly(uint32(head, 1), read)),
    configJson: decode(readExactly(uint32(head, 5), read)),
  };
}

/** Reads an unsigned 32-bit big-endian number. */
export function uint32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)) >>> 0;
}

/** Blocks until all bytes are written. */
export function writeAll(bytes: Uint8Array): void {
  const length = byteLength(bytes);
  let written = writeStdout(bytes);
  while (written < length) written += writeStdout(new Bytes(bufferOf(bytes), written));
}

/**
 * Writes a mark to stderr. It is missing if the function closed its stderr. The mark only saves time, and a process
 * without it is not reused.
 */
export function markStderr(nonce: Uint8Array, write = writeStderr): void {
  try {
    write(nonce);
  } catch {
    // Stderr is closed.
  }
}

/** Writes an unsigned 32-bit big-endian number. */
export function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Takes the kind and the body of a frame. */
export type FrameWriter = (kind: number, body: Uint8Array) => void;

/** Writes frames. */
export type Frames = Readonly<ReturnType<typeof frameWriter>>;

/** Makes what writes frames; only its closure holds the nonce. */
export function frameWriter(nonce: Uint8Array, write: (frame: Uint8Array) => void = writeAll) {
  let held = NOTHING;
  const hold: FrameWriter = (kind, body) => {
    const at = byteLength(held);
    const bytes = new Bytes(at + FRAME_HEAD_BYTES + byteLength(body));
    setBytes(bytes, held, 0);
    setBytes(bytes, nonce, at);
    bytes[at + NONCE_BYTES] = kind;
    putUint32(bytes, at + NONCE_BYTES + 1, byteLength(body));
    setBytes(bytes, body, at + FRAME_HEAD_BYTES);
    held = bytes;
  };
  return {
    /** Holds a frame that nobody waits for, until another one is written. */
    hold,
    /** Writes a frame after the held frames, in one write. */
    frame(kind: number, body: Uint8Array): void {
      hold(kind, body);
      const bytes = held;
      held = NOTHING;
      write(bytes);
    },
  };
}

/** Sends the ready message. */
export function announce(text: string): void {
  writeAll(encode(text));
}
