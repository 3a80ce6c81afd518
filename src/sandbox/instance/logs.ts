/** Turns the output of a function into bounded log lines. */
import { formatBytes } from "../../config/mod.ts";
import { LOG_FRAME_MAX_UNITS, LOG_LINE_OVERHEAD_BYTES } from "../../runtime/wire.ts";
import type { SandboxLog } from "../contract.ts";
import type { Redactor } from "./redaction.ts";

/** Longest message in bytes. Longer text becomes several messages. */
export const LOG_MESSAGE_MAX_BYTES = 65_536;

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** The largest length up to `limit` bytes that does not split a UTF-8 sequence. */
function wholeLength(bytes: Uint8Array, limit: number): number {
  if (bytes.length <= limit) return bytes.length;
  const isContinuation = (at: number) => ((bytes[at] ?? 0) & 0xc0) === 0x80;
  for (let length = limit; length > Math.max(0, limit - 4); length--) {
    if (!isContinuation(length)) return length;
  }
  return limit;
}

/**
 * Delivers log lines until their bytes, plus {@link LOG_LINE_OVERHEAD_BYTES} each, exceed the limit. The message that
 * exceeds the limit is cut there and followed by one mark; all later messages are dropped.
 */
export class LogSink {
  readonly #limitBytes: number;
  readonly #onLog: (log: SandboxLog) => void;
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  readonly #redactor: Redactor;
  #usedBytes = 0;
  #full = false;

  constructor(limitBytes: number, redactor: Redactor, onLog: (log: SandboxLog) => void) {
    this.#limitBytes = limitBytes;
    this.#redactor = redactor;
    this.#onLog = onLog;
  }

  /** Whether the limit was exceeded. */
  get full(): boolean {
    return this.#full;
  }

  write(source: SandboxLog["source"], level: SandboxLog["level"], message: Uint8Array): void {
    if (this.#full) return;
    // Redacted before it is cut: the cut must not split a secret.
    let rest = this.#redacted(message);
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

  /** A line of the server. The limit does not count it; its writer has a limit of its own. */
  note(source: SandboxLog["source"], level: SandboxLog["level"], message: string): void {
    this.#emit(source, level, this.#redacted(this.#encoder.encode(message)));
  }

  #emit(source: SandboxLog["source"], level: SandboxLog["level"], bytes: Uint8Array): void {
    this.#onLog({ time: Date.now(), level, source, message: this.#decoder.decode(bytes) });
  }

  #redacted(message: Uint8Array): Uint8Array {
    const text = this.#decoder.decode(message);
    // The bootstrap cuts longer text.
    const clean = this.#redactor.redact(text, text.length >= LOG_FRAME_MAX_UNITS);
    return clean === text ? message : this.#encoder.encode(clean);
  }

  #mark(): void {
    this.#full = true;
    const message = `log truncated: limit of ${formatBytes(this.#limitBytes)} reached (--max-log)`;
    this.#onLog({ time: Date.now(), level: "warn", source: "system", message });
  }
}

/**
 * Splits a stream of bytes into lines. A longer line is cut at {@link LOG_MESSAGE_MAX_BYTES}, or before a secret that
 * begins there.
 */
export class LineSplitter {
  readonly #onLine: (line: Uint8Array) => void;
  readonly #redactor: Redactor;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  constructor(redactor: Redactor, onLine: (line: Uint8Array) => void) {
    this.#redactor = redactor;
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

  /** The stream ended: the rest is a line. */
  close(): void {
    if (this.#pendingBytes > 0) this.#endLine(new Uint8Array(0));
  }

  #hold(part: Uint8Array): void {
    this.#pending.push(part);
    this.#pendingBytes += part.length;
    if (this.#pendingBytes >= LOG_MESSAGE_MAX_BYTES) this.#cutLine();
  }

  #cutLine(): void {
    const line = this.#takePending();
    const text = new TextDecoder().decode(line);
    const tail = new TextEncoder().encode(text.slice(this.#redactor.unfinishedAt(text)));
    this.#onLine(line.subarray(0, line.length - tail.length));
    if (tail.length > 0) this.#hold(tail);
  }

  #endLine(last: Uint8Array): void {
    let line = last;
    if (this.#pendingBytes > 0) {
      this.#pending.push(last);
      line = this.#takePending();
    }
    this.#onLine(line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line);
  }

  #takePending(): Uint8Array {
    const line = Uint8Array.from(Buffer.concat(this.#pending));
    this.#pending = [];
    this.#pendingBytes = 0;
    return line;
  }
}
