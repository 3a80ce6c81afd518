/** Readers of the output of an instance: one while it loads code, one for each invocation. */
import { FrameKind } from "../../runtime/wire.ts";
import type { SandboxLimits } from "../contract.ts";
import { type Redactor, unfinishedAddressAt } from "./redaction.ts";
import {
  type FrameEvents,
  FrameReader,
  type Loaded,
  loadedOf,
  LOG_LEVELS,
  MarkReader,
  usageOf,
} from "./frames.ts";
import { NOTHING_RECORDED, type Recorded, recordedOf } from "./recorded.ts";
import { type HostChannel, MalformedHostCall } from "./host_channel.ts";
import { LineSplitter, type LogSink } from "./logs.ts";
import type { Ending } from "./outcome.ts";
import type { OutputReader, OutputStream } from "./process.ts";

/** Pause before the next read once the log is full. It bounds the cost of a flood. */
const FLOOD_PAUSE_MS = 1;

/** Lines that are read in one turn of the event loop: each is a row of the log. */
const LINES_PER_TURN_MAX = 64;
const NEWLINE = 0x0a;
/** Why a template is given up that writes what no template writes. */
const CONFUSED = "it breaks the protocol of its process";

/** What a template has reported of the evaluation of a script. Without `loaded` the script is not evaluated. */
export interface Preloaded {
  readonly recorded: Recorded;
  readonly loaded?: Loaded | undefined;
  /** Why; absent if the last use in the record is why. */
  readonly error?: string;
}

/**
 * Reads the output while a module loads ahead of its invocation. Any output but the frames `READINGS` and `LOADED` rules
 * the module out: what it prints or throws belongs to an invocation.
 */
export class PreloadOutput implements OutputReader {
  readonly #frames: FrameReader;
  readonly #mark: MarkReader;
  #recorded: Recorded | undefined;
  #loaded: Loaded | undefined;
  /** The frame `LOADED` and the mark on stderr. */
  #awaited = 2;

  constructor(nonce: Uint8Array, settle: (preloaded: Preloaded) => void) {
    const end = (error?: string) =>
      settle({
        recorded: this.#recorded ?? NOTHING_RECORDED,
        ...error === undefined ? { loaded: this.#loaded } : { error },
      });
    const print = () => end("it prints while it loads");
    const fail = () => end(CONFUSED);
    const read = () => {
      if (--this.#awaited === 0) end(this.#recorded === undefined ? CONFUSED : undefined);
    };
    this.#frames = new FrameReader(nonce, 0, {
      text: print,
      frame: (kind, body) => {
        if (kind === FrameKind.READINGS) {
          this.#recorded = recordedOf(body);
          if (this.#recorded === undefined) fail();
        } else if (kind === FrameKind.LOADED) {
          this.#loaded = loadedOf(body);
          read();
        } else if (kind === FrameKind.NEEDS_INVOCATION) {
          end(this.#recorded === undefined ? CONFUSED : undefined);
        } else if (kind === FrameKind.FAILURE) end("it throws while it loads");
        else if (kind === FrameKind.USAGE) return;
        else if (kind >= FrameKind.LOG && kind < FrameKind.RESULT) print();
        else fail();
      },
      resultTooLarge: fail,
      broken: fail,
    });
    this.#mark = new MarkReader(nonce, false, print, read);
  }

  read(stream: OutputStream, chunk: Uint8Array): void {
    if (stream === "stdout") this.#frames.push(chunk);
    else this.#mark.push(chunk);
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

  /** @param settle called with undefined if the process writes anything else */
  constructor(
    nonce: Uint8Array,
    codeCacheMaxBytes: number,
    settle: (compiled: Compiled | undefined) => void,
  ) {
    const fail = () => settle(undefined);
    let ms = 0;
    this.#frames = new FrameReader(nonce, codeCacheMaxBytes, {
      text: fail,
      frame(kind, body) {
        if (kind === FrameKind.LOADED) ({ ms } = loadedOf(body));
        else if (kind === FrameKind.RESULT) settle({ codeCache: body, ms });
        else fail();
      },
      resultTooLarge: fail,
      broken: fail,
    });
  }

  read(stream: OutputStream, chunk: Uint8Array): void {
    if (stream === "stdout") this.#frames.push(chunk);
  }
}

/** What a {@link RunOutput} passes on. */
interface RunOutputParts {
  readonly sink: LogSink;
  readonly redactor: Redactor;
  /** Begins to serve host calls. */
  readonly openChannel: () => HostChannel;
  /** Takes the first ending, and later ones, which do not count. */
  readonly end: (ending: Ending) => void;
}

/** Reads the output of a running invocation: its logs and its first ending. */
export class RunOutput implements OutputReader, FrameEvents {
  readonly #frames: FrameReader;
  readonly #mark: MarkReader;
  /** Of the streams to which the function has written. */
  readonly #lines: { [Stream in OutputStream]?: LineSplitter } = {};
  /** Resolves once the answer and all output before it are read, or the process has ended. */
  readonly allRead: Promise<void>;
  readonly #allRead: () => void;
  /** The answer and the mark on stderr. */
  #awaited = 2;
  #isIdle = false;
  #whenIdle: (() => void) | undefined;
  /** Open from the first host call on: most invocations make none. */
  channel: HostChannel | undefined;
  /** Whether the run has ended: a chunk that is still being read makes no host call. */
  isOver = false;
  /** How the script was evaluated in this invocation. */
  loaded: Loaded | undefined;
  /** What the process has used in this invocation, as it reports itself. */
  usage: ReturnType<typeof usageOf>;
  /** Whether stderr of the next invocation begins with a mark. */
  isNextMarked = false;
  /** Whether the process has said that it has read its invocation, or shown it. */
  accepted = false;
  /** Whether its text belongs to this invocation. */
  #hasBegun: boolean;

  /**
   * @param beginsWithMark whether stderr before a first mark belongs to an earlier invocation
   * @param mustAccept whether text before the frame `ACCEPTED` belongs to an earlier invocation, or to none
   */
  constructor(
    nonce: Uint8Array,
    { beginsWithMark, mustAccept }: {
      readonly beginsWithMark: boolean;
      readonly mustAccept: boolean;
    },
    limits: SandboxLimits,
    private readonly parts: RunOutputParts,
  ) {
    this.#hasBegun = !mustAccept;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.allRead = promise;
    this.#allRead = resolve;
    this.#frames = new FrameReader(nonce, limits.outputBytes, this);
    this.#mark = new MarkReader(
      nonce,
      beginsWithMark,
      (bytes) => this.#takeText("stderr", bytes),
      this.#noteRead,
    );
  }

  /** Reads a chunk turn by turn; pauses behind it if the log is full. */
  async read(stream: OutputStream, chunk: Uint8Array): Promise<void> {
    const { sink } = this.parts;
    const reader = stream === "stdout" ? this.#frames : this.#mark;
    let rest = this.#readTurn(chunk, reader);
    // A copy: the bytes are valid until the first pause.
    if (rest.length > 0) rest = rest.slice();
    while (rest.length > 0) {
      await (sink.mapping ?? pause());
      rest = this.#readTurn(rest, reader);
    }
    if (sink.mapping !== undefined) await sink.mapping;
    else if (sink.full && this.#frames.bodyBytesLeft === 0) await pause();
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
    // Otherwise both have read their last part.
    if (this.#awaited > 0) {
      this.#frames.close();
      this.#mark.close();
    }
    this.#lines.stdout?.close();
    this.#lines.stderr?.close();
    await this.parts.sink.mapping;
  }

  text(bytes: Uint8Array): void {
    if (!this.#hasBegun) return;
    this.accepted = true;
    this.#takeText("stdout", bytes);
  }

  frame(kind: number, body: Uint8Array): void {
    const { sink, end } = this.parts;
    if (kind === FrameKind.ACCEPTED) this.#hasBegun = true;
    if (this.#hasBegun) this.accepted = true;
    switch (kind) {
      case FrameKind.ACCEPTED:
        break;
      case FrameKind.LOADED:
        this.loaded = loadedOf(body);
        break;
      case FrameKind.USAGE:
        this.usage = usageOf(body);
        if (this.usage?.isMarked === false) this.#noteRead();
        break;
      case FrameKind.HOST_CALL:
        this.#takeHostCall(body);
        break;
      case FrameKind.RESULT:
      case FrameKind.FAILURE:
        this.#noteRead();
        end({ kind: kind === FrameKind.RESULT ? "result" : "failure", json: body });
        break;
      case FrameKind.IDLE:
        this.#isIdle = true;
        this.isNextMarked = body[0] === 1;
        this.#whenIdle?.();
        break;
      case FrameKind.NEEDS_INVOCATION:
        // The bootstrap never sends this after its invocation began.
        this.broken();
        break;
      default:
        sink.write("console", LOG_LEVELS[kind - FrameKind.LOG] ?? "info", body);
    }
  }

  resultTooLarge(bytes: number): void {
    this.parts.end({ kind: "result-too-large", bytes });
  }

  broken(): void {
    this.parts.end({ kind: "broken" });
  }

  /** The answer, or the mark on stderr, was read. */
  readonly #noteRead = (): void => {
    if (--this.#awaited === 0) this.#allRead();
  };

  /**
   * Reads what one turn of the event loop may, at most {@link LINES_PER_TURN_MAX} lines after the body of a frame, and
   * returns the rest.
   */
  #readTurn(bytes: Uint8Array, reader: FrameReader | MarkReader): Uint8Array {
    let end = Math.min(reader.bodyBytesLeft, bytes.length);
    for (let lines = 0; lines < LINES_PER_TURN_MAX && end < bytes.length; lines++) {
      const newline = this.parts.sink.full ? -1 : bytes.indexOf(NEWLINE, end);
      end = newline < 0 ? bytes.length : newline + 1;
    }
    reader.push(bytes.subarray(0, end));
    return bytes.subarray(end);
  }

  #takeHostCall(body: Uint8Array): void {
    // The bootstrap makes no host call before it has read its own invocation.
    if (!this.#hasBegun) return this.broken();
    if (this.isOver) return;
    this.channel ??= this.parts.openChannel();
    try {
      this.channel.receive(body);
    } catch (error) {
      if (!(error instanceof MalformedHostCall)) throw error;
      this.broken();
    }
  }

  #takeText(stream: OutputStream, bytes: Uint8Array): void {
    if (this.parts.sink.full) return;
    const lines = this.#lines[stream] ??= this.#splitLines(stream);
    lines.push(bytes);
  }

  #splitLines(stream: OutputStream): LineSplitter {
    const { sink, redactor } = this.parts;
    if (stream === "stdout") {
      return new LineSplitter(
        (text) => redactor.unfinishedAt(text),
        (line) => sink.write(stream, "info", line),
      );
    }
    return new LineSplitter(
      (text) => Math.min(redactor.unfinishedAt(text), unfinishedAddressAt(text)),
      (line) => sink.write(stream, "error", line),
    );
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, FLOOD_PAUSE_MS));
}
