/** Readers of the output of an instance: one while it loads code, one for each invocation. */
import type { SandboxLimits } from "../contract.ts";
import { type Redactor, unfinishedAddressAt } from "./redaction.ts";
import { FrameReader, type Loaded, MarkReader, type ProcessUsage } from "./frames.ts";
import { type HostChannel, MalformedHostCall } from "./host_channel.ts";
import { LineSplitter, type LogSink } from "./logs.ts";
import type { Ending } from "./outcome.ts";
import type { OutputReader } from "./process.ts";

/** Pause before the next read once the log is full. It bounds the cost of a flood. */
const FLOOD_PAUSE_MS = 1;

/** Lines that are read in one turn of the event loop: each is a row of the log. */
const LINES_PER_TURN_MAX = 64;
const NEWLINE = 0x0a;

const LEVELS = ["debug", "info", "warn", "error"] as const;

/**
 * Reads the output while a module loads ahead of its invocation. Any output but the frame `LOADED` rules the module
 * out: what it prints or throws belongs to an invocation.
 */
export class PreloadOutput implements OutputReader {
  readonly #frames: FrameReader;
  readonly #mark: MarkReader;
  /** The frame and the mark on stderr. */
  #awaited = 2;

  /** @param settle called with what rules the script out, or with undefined once it is loaded */
  constructor(nonce: Uint8Array, settle: (error: string | undefined) => void) {
    const read = () => {
      if (--this.#awaited === 0) settle(undefined);
    };
    const fail = () => settle("it prints or throws");
    this.#frames = new FrameReader(nonce, 0, {
      text: fail,
      accepted: fail,
      loaded: read,
      needsCall: () => settle("it uses what differs between invocations"),
      log: fail,
      usage: fail,
      hostCall: fail,
      result: fail,
      idle: fail,
      failure: fail,
      resultTooLarge: fail,
      broken: fail,
    });
    this.#mark = new MarkReader(nonce, false, fail, read);
  }

  stdout(chunk: Uint8Array): void {
    this.#frames.push(chunk);
  }

  stderr(chunk: Uint8Array): void {
    this.#mark.push(chunk);
  }
}

/** What a process that only compiles a script has made of it. */
export interface Compiled {
  readonly codeCache: Uint8Array;
  readonly ms: number;
}

/** Reads the output of a process that only compiles a script. */
export class CompileOutput implements OutputReader {
  readonly #frames: FrameReader;
  #ms = 0;

  /** @param settle called with undefined if the process writes anything else */
  constructor(
    nonce: Uint8Array,
    codeCacheMaxBytes: number,
    settle: (compiled: Compiled | undefined) => void,
  ) {
    const fail = () => settle(undefined);
    this.#frames = new FrameReader(nonce, codeCacheMaxBytes, {
      text: fail,
      accepted: fail,
      loaded: ({ ms }) => this.#ms = ms,
      needsCall: fail,
      log: fail,
      usage: fail,
      hostCall: fail,
      result: (bytes) => settle({ codeCache: bytes.slice(), ms: this.#ms }),
      idle: fail,
      failure: fail,
      resultTooLarge: fail,
      broken: fail,
    });
  }

  stdout(chunk: Uint8Array): void {
    this.#frames.push(chunk);
  }

  stderr(): void {}
}

/** Reads the output of a running invocation: its logs and its first ending. */
export class RunOutput implements OutputReader {
  readonly #sink: LogSink;
  readonly #frames: FrameReader;
  readonly #mark: MarkReader;
  readonly #stdoutLines: LineSplitter;
  readonly #stderrLines: LineSplitter;
  /** Resolves once the answer and all output before it are read, or the process has ended. */
  readonly allRead: Promise<void>;
  readonly #allRead: () => void;
  #awaited = 2;
  #isIdle = false;
  #whenIdle: (() => void) | undefined;
  /** How the script was evaluated in this invocation. */
  loaded: Loaded | undefined;
  /** What the process has used in this invocation, as it reports itself. */
  usage: ProcessUsage | undefined;
  /** Whether the process has read its invocation. */
  accepted = false;

  /** @param keep whether the instance runs other invocations before or after this one */
  constructor(
    nonce: Uint8Array,
    keep: boolean,
    limits: SandboxLimits,
    sink: LogSink,
    redactor: Redactor,
    channel: HostChannel,
    end: (ending: Ending) => void,
  ) {
    this.#sink = sink;
    const unfinishedAt = (text: string) => redactor.unfinishedAt(text);
    this.#stdoutLines = new LineSplitter(
      unfinishedAt,
      (line) => sink.write("stdout", "info", line),
    );
    this.#stderrLines = new LineSplitter(
      (text) => Math.min(unfinishedAt(text), unfinishedAddressAt(text)),
      (line) => sink.write("stderr", "error", line),
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    this.allRead = promise;
    this.#allRead = resolve;
    const read = () => {
      if (--this.#awaited === 0) resolve();
    };
    this.#mark = new MarkReader(
      nonce,
      keep,
      (bytes) => this.#text(this.#stderrLines, bytes),
      read,
    );
    const answer = (ending: Ending) => {
      read();
      end(ending);
    };
    this.#frames = new FrameReader(nonce, limits.outputBytes, {
      text: (bytes) => {
        if (this.accepted) this.#text(this.#stdoutLines, bytes);
      },
      accepted: () => this.accepted = true,
      loaded: (how) => this.loaded = how,
      // The bootstrap never sends this after its invocation began.
      needsCall: () => end({ kind: "broken" }),
      log: (level, bytes) => sink.write("console", LEVELS[level] ?? "info", bytes),
      usage: (usage) => this.usage = usage,
      hostCall: (bytes) => {
        // The bootstrap makes no host call before it has read its own invocation.
        if (!this.accepted) return end({ kind: "broken" });
        try {
          channel.receive(bytes);
        } catch (error) {
          if (!(error instanceof MalformedHostCall)) throw error;
          end({ kind: "broken" });
        }
      },
      result: (json) => answer({ kind: "result", json }),
      idle: () => {
        this.#isIdle = true;
        this.#whenIdle?.();
      },
      failure: (json) => answer({ kind: "failure", json }),
      resultTooLarge: (bytes) => end({ kind: "result-too-large", bytes }),
      broken: () => end({ kind: "broken" }),
    });
  }

  stdout(chunk: Uint8Array): Promise<void> | void {
    return this.#inTurns(chunk, this.#frames);
  }

  stderr(chunk: Uint8Array): Promise<void> | void {
    return this.#inTurns(chunk, this.#mark);
  }

  /** The process has ended and its pipes are empty. */
  gone(): void {
    this.#allRead();
  }

  /** Calls back once the process waits for its next invocation, at once if it already does. */
  whenIdle(done: () => void): void {
    if (this.#isIdle) done();
    else this.#whenIdle = done;
  }

  /** All output was read: logs the incomplete lines. Resolves once every line is delivered. */
  async close(): Promise<void> {
    this.#frames.close();
    this.#mark.close();
    this.#stdoutLines.close();
    this.#stderrLines.close();
    await this.#sink.mapping;
  }

  /** Reads a chunk; pauses behind it if the log is full, and between parts with many lines. */
  #inTurns(chunk: Uint8Array, reader: FrameReader | MarkReader): Promise<void> | void {
    const rest = this.#readTurn(chunk, reader);
    // A copy: the bytes are valid until this returns.
    if (rest.length > 0) return this.#readLater(rest.slice(), reader);
    if (this.#sink.mapping !== undefined) return this.#sink.mapping;
    if (this.#sink.full && this.#frames.bodyBytesLeft === 0) return pause();
  }

  /** Reads the bytes turn by turn. */
  async #readLater(bytes: Uint8Array, reader: FrameReader | MarkReader): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      await (this.#sink.mapping ?? pause());
      rest = this.#readTurn(rest, reader);
    }
    await this.#sink.mapping;
  }

  /** Reads what one turn of the event loop may, and returns the rest. */
  #readTurn(bytes: Uint8Array, reader: FrameReader | MarkReader): Uint8Array {
    const end = this.#sink.full ? bytes.length : endOfTurn(bytes, reader.bodyBytesLeft);
    reader.push(bytes.subarray(0, end));
    return bytes.subarray(end);
  }

  #text(lines: LineSplitter, bytes: Uint8Array): void {
    if (!this.#sink.full) lines.push(bytes);
  }
}

/** The length of the part of a chunk with at most {@link LINES_PER_TURN_MAX} lines after the body of a frame. */
function endOfTurn(chunk: Uint8Array, bodyBytes: number): number {
  let end = Math.min(bodyBytes, chunk.length);
  for (let lines = 0; lines < LINES_PER_TURN_MAX; lines++) {
    const newline = chunk.indexOf(NEWLINE, end);
    if (newline < 0) return chunk.length;
    end = newline + 1;
  }
  return end;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, FLOOD_PAUSE_MS));
}
