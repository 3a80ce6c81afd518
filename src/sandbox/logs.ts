/** Turns what a function writes into bounded log lines. */
import { formatBytes } from "../config/mod.ts";
import { LOG_LINE_OVERHEAD_BYTES } from "../runtime/wire.ts";
import type { SandboxLog } from "./contract.ts";

/** Longest message in bytes; what is longer becomes several. */
export const LOG_MESSAGE_MAX_BYTES = 65_536;

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** The largest length of at most `limit` bytes that does not cut a UTF-8 sequence. */
function wholeLength(bytes: Uint8Array, limit: number): number {
  if (bytes.length <= limit) return bytes.length;
  const isContinuation = (at: number) => ((bytes[at] ?? 0) & 0xc0) === 0x80;
  for (let length = limit; length > Math.max(0, limit - 4); length--) {
    if (!isContinuation(length)) return length;
  }
  return limit;
}

/**
 * Hands log lines on until their bytes, with {@link LOG_LINE_OVERHEAD_BYTES} for each, pass the limit;
 * then one mark, then nothing. The message that passes the limit is cut at it.
 */
export class LogSink {
  readonly #limitBytes: number;
  readonly #onLog: (log: SandboxLog) => void;
  readonly #decoder = new TextDecoder();
  readonly #hidden: readonly string[];
  #usedBytes = 0;
  #full = false;

  /** Each `hidden` text in a message, a path of the server, is taken out. */
  constructor(limitBytes: number, hidden: readonly string[], onLog: (log: SandboxLog) => void) {
    this.#limitBytes = limitBytes;
    this.#hidden = hidden;
    this.#onLog = onLog;
  }

  /** Whether the limit was passed; everything further is dropped. */
  get full(): boolean {
    return this.#full;
  }

  write(source: SandboxLog["source"], level: SandboxLog["level"], message: Uint8Array): void {
    let rest = message;
    do {
      if (this.#full) return;
      const leftBytes = this.#limitBytes - this.#usedBytes - LOG_LINE_OVERHEAD_BYTES;
      if (leftBytes < Math.min(1, rest.length)) return this.#mark();
      const length = wholeLength(rest, Math.min(LOG_MESSAGE_MAX_BYTES, leftBytes));
      this.#emit(source, level, rest.subarray(0, length));
      this.#usedBytes += length + LOG_LINE_OVERHEAD_BYTES;
      rest = rest.subarray(length);
    } while (rest.length > 0);
  }

  #emit(source: SandboxLog["source"], level: SandboxLog["level"], bytes: Uint8Array): void {
    let message = this.#decoder.decode(bytes);
    for (const path of this.#hidden) {
      if (message.includes(path)) message = message.replaceAll(path, "");
    }
    this.#onLog({ time: Date.now(), level, source, message });
  }

  #mark(): void {
    this.#full = true;
    const message = `log truncated: limit of ${formatBytes(this.#limitBytes)} reached (--max-log)`;
    this.#onLog({ time: Date.now(), level: "warn", source: "system", message });
  }
}

/** Cuts a stream of bytes into lines; a line without an end is cut at {@link LOG_MESSAGE_MAX_BYTES}. */
export class LineSplitter {
  readonly #onLine: (line: Uint8Array) => void;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  constructor(onLine: (line: Uint8Array) => void) {
    this.#onLine = onLine;
  }

  push(bytes: Uint8Array): void {
    let start = 0;
    while (start < bytes.length) {
      const end = bytes.indexOf(NEWLINE, start);
      if (end >= 0) {
        this.#endLine(bytes.subarray(start, end));
        start = end + 1;
      } else {
        this.#hold(bytes.slice(start));
        return;
      }
    }
  }

  /** The stream ended: what is left is a line. */
  close(): void {
    if (this.#pendingBytes > 0) this.#endLine(new Uint8Array(0));
  }

  #hold(part: Uint8Array): void {
    this.#pending.push(part);
    this.#pendingBytes += part.length;
    if (this.#pendingBytes >= LOG_MESSAGE_MAX_BYTES) this.#endLine(new Uint8Array(0));
  }

  #endLine(last: Uint8Array): void {
    let line = last;
    if (this.#pendingBytes > 0) {
      line = new Uint8Array(this.#pendingBytes + last.length);
      let at = 0;
      for (const part of [...this.#pending, last]) {
        line.set(part, at);
        at += part.length;
      }
      this.#pending = [];
      this.#pendingBytes = 0;
    }
    this.#onLine(line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line);
  }
}
