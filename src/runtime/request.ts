/** The one request that a process receives, and the frames that it answers with. */
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
import { FRAME_HEAD_BYTES, NONCE_BYTES, REQUEST_HEAD_BYTES } from "./wire.ts";

/** Exit code of a process whose supervisor went away before it had work. */
const EXIT_ABANDONED = 0;

/** The work of this process. */
export interface Request {
  readonly nonce: Uint8Array;
  readonly outputBytes: number;
  readonly logBytes: number;
  readonly script: string;
  readonly inputJson: string;
  readonly configJson: string;
}

/** Blocks until `length` bytes came; ends the process where stdin ends first. */
function readExactly(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Bytes(length);
  let filled = 0;
  while (filled < length) {
    const count = readStdin(new Bytes(bytes.buffer, filled));
    if (count === null) return exit(EXIT_ABANDONED);
    filled += count;
  }
  return bytes;
}

/** Blocks until the request came. Runs before user code. */
export function receiveRequest(): Request {
  const head = readExactly(REQUEST_HEAD_BYTES);
  const numbers = new DataView(head.buffer, NONCE_BYTES);
  return {
    nonce: head.slice(0, NONCE_BYTES),
    outputBytes: numbers.getUint32(0),
    logBytes: numbers.getUint32(4),
    script: decode(readExactly(numbers.getUint32(8))),
    inputJson: decode(readExactly(numbers.getUint32(12))),
    configJson: decode(readExactly(numbers.getUint32(16))),
  };
}

/** Blocks until all bytes are written. */
export function writeAll(bytes: Uint8Array): void {
  const length = byteLength(bytes);
  let written = writeStdout(bytes);
  while (written < length) written += writeStdout(new Bytes(bufferOf(bytes), written));
}

/** Marks the end of stderr. A function that closed or filled its stderr goes without: the mark saves time only. */
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
