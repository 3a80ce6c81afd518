/** Who listens to the output of a process: first what loads code ahead, then each of its calls. */
import type { RunHooks, SandboxLimits } from "../contract.ts";
import { FrameReader, MarkReader } from "./frames.ts";
import { BrokenHostCall, type HostChannel } from "./host_channel.ts";
import { LineSplitter, LogSink } from "./logs.ts";
import type { Ending } from "./outcome.ts";
import type { Redactor } from "./redaction.ts";

/** Pause before the next read once the log is full, so that a flood costs the server little. */
const FLOOD_PAUSE_MS = 1;

const LEVELS = ["debug", "info", "warn", "error"] as const;

/** What listens to the output of the process. */
export interface OutputReader {
  stdout(chunk: Uint8Array): Promise<void> | void;
  stderr(chunk: Uint8Array): Promise<void> | void;
}

export const discardOutput: OutputReader = { stdout() {}, stderr() {} };

/**
 * Listens while a module is loaded ahead. One that says anything but that it is loaded is not fit for it: what it
 * prints or throws belongs to a call.
 */
export class PreloadOutput implements OutputReader {
  readonly #frames: FrameReader;
  readonly #settle: (isLoaded: boolean) => void;

  constructor(nonce: Uint8Array, settle: (isLoaded: boolean) => void) {
    this.#settle = settle;
    const unfit = () => settle(false);
    this.#frames = new FrameReader(nonce, 0, {
      text: unfit,
      accepted: unfit,
      loaded: () => settle(true),
      needsCall: unfit,
      log: unfit,
      hostCall: unfit,
      result: unfit,
      idle: unfit,
      failure: unfit,
      resultTooLarge: unfit,
      broken: unfit,
    });
  }

  stdout(chunk: Uint8Array): void {
    this.#frames.push(chunk);
  }

  stderr(): void {
    this.#settle(false);
  }
}

/** Listens to the output of a running process: logs, and the first ending. */
export class RunOutput implements OutputReader {
  readonly #sink: LogSink;
  readonly #frames: FrameReader;
  readonly #mark: MarkReader;
  readonly #stdoutLines: LineSplitter;
  readonly #stderrLines: LineSplitter;
  /** Resolves once the call was answered and everything that was printed before is read, or the process is gone. */
  readonly allRead: Promise<void>;
  readonly #allRead: () => void;
  #awaited = 2;
  #isIdle = false;
  #whenIdle: (() => void) | undefined;
  /** Whether the process told that it has read its request. */
  accepted = false;

  /** @param keep whether the process ran, or is to run, other calls */
  constructor(
    nonce: Uint8Array,
    keep: boolean,
    limits: SandboxLimits,
    redactor: Redactor,
    hooks: RunHooks,
    channel: HostChannel,
    end: (ending: Ending) => void,
  ) {
    const sink = new LogSink(limits.logBytes, redactor, hooks.onLog);
    this.#sink = sink;
    this.#stdoutLines = new LineSplitter(redactor, (line) => sink.write("stdout", "info", line));
    this.#stderrLines = new LineSplitter(redactor, (line) => sink.write("stderr", "error", line));
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
      // Said by no bootstrap any more once its call began.
      loaded: () => end({ kind: "broken" }),
      needsCall: () => end({ kind: "broken" }),
      log: (level, bytes) => sink.write("console", LEVELS[level] ?? "info", bytes),
      hostCall: (bytes) => {
        try {
          channel.receive(bytes);
        } catch (error) {
          if (!(error instanceof BrokenHostCall)) throw error;
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
    this.#frames.push(chunk);
    if (this.#sink.full && !this.#frames.insideFrame) return pause();
  }

  stderr(chunk: Uint8Array): Promise<void> | void {
    this.#mark.push(chunk);
    if (this.#sink.full) return pause();
  }

  /** Told whatever the function has printed: no flood of it hides where it connected to. */
  egress(level: "info" | "warn", message: string): void {
    this.#sink.note("egress", level, message);
  }

  /** The process is gone and its pipes are empty. */
  gone(): void {
    this.#allRead();
  }

  /** Calls once the process waits for its next call, at once where it does already. */
  whenIdle(done: () => void): void {
    if (this.#isIdle) done();
    else this.#whenIdle = done;
  }

  /** All output was read: what is left of lines is told. */
  close(): void {
    this.#frames.close();
    this.#mark.close();
    this.#stdoutLines.close();
    this.#stderrLines.close();
  }

  #text(lines: LineSplitter, bytes: Uint8Array): void {
    if (!this.#sink.full) lines.push(bytes);
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, FLOOD_PAUSE_MS));
}
