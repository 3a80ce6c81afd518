/** Turns the output of a function into bounded log lines. */
import { formatBytes } from "../../config/mod.ts";
import { LOG_FRAME_MAX_UNITS, LOG_LINE_OVERHEAD_BYTES } from "../../runtime/wire.ts";
import type { SandboxLog } from "../contract.ts";
import { GatheredBytes } from "../../shared/gathered_bytes.ts";
import { maskAddresses, type Redactor } from "./redaction.ts";
import { mayHaveLocations, type StackMap, type StackMapReader } from "../../shared/stack.ts";

/** Longest message in bytes. Longer text becomes several messages. */
const LOG_MESSAGE_MAX_BYTES = 65_536;

const decoder = new TextDecoder();
const encoder = new TextEncoder();
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
 *
 * Locations in the bundle become those of the author's files. The first one opens the source map; until it is open, that
 * line and all later ones are held in their order.
 */
export class LogSink {
  #map: StackMap | undefined;
  /** While lines are held: resolves once they are delivered. */
  mapping: Promise<void> | undefined;
  /** Deliveries that wait for the source map. A reader that waits, too, bounds them by one chunk of its stream. */
  #held: (() => void)[] = [];
  #usedBytes = 0;
  /** Whether the limit was exceeded. */
  full = false;

  constructor(
    private readonly limitBytes: number,
    private readonly redactor: Redactor,
    private readonly stackMap: StackMapReader,
    private readonly onLog: (log: SandboxLog) => void,
  ) {}

  write(source: SandboxLog["source"], level: SandboxLog["level"], message: Uint8Array): void {
    if (this.full) return;
    const line = { time: Date.now(), level, source };
    const text = decoder.decode(message);
    // Redacted before it is cut: the cut must not split a secret. The bootstrap cuts longer text.
    const redacted = this.redactor.redact(text, text.length >= LOG_FRAME_MAX_UNITS);
    const clean = source === "stderr" ? maskAddresses(redacted) : redacted;
    if (mayHaveLocations(clean)) {
      this.#deliver(() => this.#append(line, encoder.encode(this.#mapped(clean))), true);
    } else if (this.mapping !== undefined) {
      this.#deliver(() => this.#append(line, encoder.encode(clean)), false);
    } else {
      this.#append(line, clean === text ? message : encoder.encode(clean));
    }
  }

  /**
   * A line of the server. The limit does not count it: a flood cannot hide connections, whose writer has a limit of its own.
   */
  note(source: SandboxLog["source"], level: SandboxLog["level"], message: string): void {
    const line = { time: Date.now(), level, source, message: this.redactor.redact(message) };
    this.#deliver(() => this.onLog(line), false);
  }

  /** Delivers after all held lines; with `needsMap` once the source map is open. */
  #deliver(delivery: () => void, needsMap: boolean): void {
    const isHeld = this.mapping !== undefined || (needsMap && this.#map === undefined);
    if (!isHeld) return delivery();
    this.#held.push(delivery);
    this.mapping ??= this.#openMap();
  }

  async #openMap(): Promise<void> {
    this.#map = await this.stackMap();
    for (const deliver of this.#held) deliver();
    this.#held = [];
    this.mapping = undefined;
  }

  /** A text that was redacted, with the author's locations. */
  #mapped(text: string): string {
    // Their files have names that nothing redacted yet.
    return this.redactor.redact(this.#map?.text(text) ?? text);
  }

  #append(line: Omit<SandboxLog, "message">, message: Uint8Array): void {
    let rest = message;
    do {
      if (this.full) return;
      const leftBytes = this.limitBytes - this.#usedBytes - LOG_LINE_OVERHEAD_BYTES;
      if (leftBytes < Math.min(1, rest.length)) return this.#mark();
      const length = wholeLength(rest, Math.min(LOG_MESSAGE_MAX_BYTES, leftBytes));
      this.onLog({ ...line, message: decoder.decode(rest.subarray(0, length)) });
      this.#usedBytes += length + LOG_LINE_OVERHEAD_BYTES;
      rest = rest.subarray(length);
    } while (rest.length > 0);
  }

  #mark(): void {
    this.full = true;
    const message = `log truncated: limit of ${formatBytes(this.limitBytes)} reached (--max-log)`;
    this.onLog({ time: Date.now(), level: "warn", source: "system", message });
  }
}

/**
 * Splits a stream of bytes into lines. A longer line is cut at {@link LOG_MESSAGE_MAX_BYTES}, or before a text that begins
 * there and must not be split.
 */
export class LineSplitter {
  #pending = new GatheredBytes(Infinity);

  /** @param unfinishedAt the index of a text at the end that must not be split; the length without one */
  constructor(
    private readonly unfinishedAt: (text: string) => number,
    private readonly onLine: (line: Uint8Array) => void,
  ) {}

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
    if (this.#pending.length > 0) this.#endLine(new Uint8Array(0));
  }

  #hold(part: Uint8Array): void {
    this.#pending.add(part);
    if (this.#pending.length >= LOG_MESSAGE_MAX_BYTES) this.#cutLine();
  }

  #cutLine(): void {
    const line = this.#takePending();
    const text = decoder.decode(line);
    const tail = encoder.encode(text.slice(this.unfinishedAt(text)));
    this.onLine(line.subarray(0, line.length - tail.length));
    if (tail.length > 0) this.#hold(tail);
  }

  #endLine(last: Uint8Array): void {
    let line = last;
    if (this.#pending.length > 0) {
      this.#pending.add(last);
      line = this.#takePending();
    }
    this.onLine(line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line);
  }

  #takePending(): Uint8Array {
    const line = this.#pending.bytes();
    this.#pending = new GatheredBytes(Infinity);
    return line;
  }
}
