/** The messages that a process receives, and the frames that it answers with. */
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
import { CALL_HEAD_BYTES, FRAME_HEAD_BYTES, LOAD_HEAD_BYTES, NONCE_BYTES } from "./wire.ts";

/** Exit code of a process whose supervisor went away before it had work. */
const EXIT_ABANDONED = 0;

/** The code of this process. */
export interface Load {
  readonly nonce: Uint8Array;
  /** Whether the module is to be loaded before its call is known. */
  readonly ahead: boolean;
  readonly outputBytes: number;
  readonly logBytes: number;
  readonly script: string;
}

/** One piece of work of this process. */
export interface Call {
  /** Whether the process is to wait for another call after this one. */
  readonly keep: boolean;
  readonly inputJson: string;
  readonly configJson: string;
}

/** Blocks until `length` bytes came; ends the process where stdin ends first. */
function readExactly(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Bytes(length);
  let filled = 0;
  while (filled < length) {
    const count = readStdin(new Bytes(bufferOf(bytes), filled));
    if (count === null) return exit(EXIT_ABANDONED);
    filled += count;
  }
  return bytes;
}

/** Blocks until the code came. Runs before user code. */
export function receiveLoad(): Load {
  const head = readExactly(LOAD_HEAD_BYTES);
  const at = NONCE_BYTES + 1;
  return {
    nonce: head.slice(0, NONCE_BYTES),
    ahead: head[NONCE_BYTES] === 1,
    outputBytes: uint32(head, at),
    logBytes: uint32(head, at + 4),
    script: decode(readExactly(uint32(head, at + 8))),
  };
}

/** Blocks until the work came. The module's top level, and other calls, may have run before. */
export function receiveCall(): Call {
  const head = readExactly(CALL_HEAD_BYTES);
  return {
    keep: head[0] === 1,
    inputJson: decode(readExactly(uint32(head, 1))),
    configJson: decode(readExactly(uint32(head, 5))),
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
 * Marks a place in stderr. A function that closed or filled its stderr goes without: the mark saves time, and a process
 * in which it is missing is not used again.
 */
export function markStderr(nonce: Uint8Array): void {
  try {
    writeStderr(nonce);
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

/** Makes the function that writes frames; only its closure holds the nonce. */
export function frameWriter(nonce: Uint8Array): (kind: number, body: Uint8Array) => void {
  return (kind, body) => {
    const length = byteLength(body);
    const frame = new Bytes(FRAME_HEAD_BYTES + length);
    setBytes(frame, nonce, 0);
    frame[NONCE_BYTES] = kind;
    putUint32(frame, NONCE_BYTES + 1, length);
    setBytes(frame, body, FRAME_HEAD_BYTES);
    writeAll(frame);
  };
}

/** Tells the supervisor that this process stands ready. */
export function announce(text: string): void {
  writeAll(encode(text));
}
