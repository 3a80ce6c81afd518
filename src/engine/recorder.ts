import { getLogger } from "@logtape/logtape";
import type { SandboxLog } from "../sandbox/contract.ts";
import { Timeouts } from "../shared/time.ts";
import type { NotBegun, Outcome, Repeat } from "./contract.ts";
import type { InvocationNotifier } from "./notifier.ts";

const logger = getLogger(["invoked", "engine"]);

/** How long a log line of a running invocation waits for others before it is written. */
const LOG_FLUSH_INTERVAL_MS = 100;
/** Log lines that are written at once. */
const LOG_LINES_PER_WRITE_MAX = 500;

/** A log line as it is recorded. */
export interface RecordedLog extends SandboxLog {
  /** 1, 2, 3, ... without gaps within an invocation. */
  readonly sequence: number;
}

/** What was recorded at the end of an attempt; undefined if nothing was: the call had ended, or is another's. */
export type Recorded = Outcome | Repeat | undefined;

/** The record of one invocation: a row of the store, or, on a worker, a connection to the node that has the store. */
export interface InvocationRecord {
  /**
   * PENDING to RUNNING, durably. Answers the sequence number of its last log line, which an earlier attempt printed, or
   * why it does not start.
   */
  start(): Promise<number | NotBegun>;
  /** Appends log lines; they survive a crash of the server. */
  appendLogs(logs: readonly RecordedLog[]): Promise<void>;
  /**
   * Records the outcome with the last log lines, durably, all or nothing. Answers the outcome as recorded: a volume can
   * turn a success into an error.
   * @param mayRepeat whether the call is left for another attempt if it may have one after this outcome
   */
  finish(outcome: Outcome, logs: readonly RecordedLog[], mayRepeat?: boolean): Promise<Recorded>;
  /** RUNNING to PENDING with the last log lines: none of its code ran, so that the attempt does not count. */
  release(logs: readonly RecordedLog[]): Promise<Recorded>;
}

/** Numbers and groups the log lines of one invocation, and records how it ends. */
export class Recorder {
  readonly #record: InvocationRecord;
  readonly #notifier: InvocationNotifier;
  readonly #flushes: Timeouts<Recorder>;
  readonly #invocationId: string;
  #sequence = 0;
  #unwritten: RecordedLog[] = [];
  /** The last write of log lines alone. */
  #flushing: Promise<void> | undefined;

  constructor(
    record: InvocationRecord,
    notifier: InvocationNotifier,
    flushes: Timeouts<Recorder>,
    invocationId: string,
    /** The sequence number of the last log line of an earlier attempt; 0 without one. */
    lastSequence: number,
  ) {
    this.#record = record;
    this.#sequence = lastSequence;
    this.#notifier = notifier;
    this.#flushes = flushes;
    this.#invocationId = invocationId;
  }

  /** The flushes of many recorders, each {@link LOG_FLUSH_INTERVAL_MS} after its first unwritten line. */
  static flushes(): Timeouts<Recorder> {
    return new Timeouts<Recorder>(LOG_FLUSH_INTERVAL_MS, (recorder) => recorder.#flushNow());
  }

  /** Records a line within {@link LOG_FLUSH_INTERVAL_MS}, or with the outcome. */
  log(log: SandboxLog): void {
    this.#unwritten.push({ ...log, sequence: ++this.#sequence });
    // After a failed write there may be more lines than this; the timer writes them.
    if (this.#unwritten.length === LOG_LINES_PER_WRITE_MAX) this.#flushNow();
    else this.#flushes.add(this);
  }

  /** PENDING to RUNNING, durably. Answers why the attempt does not start; undefined once it has. */
  async start(): Promise<NotBegun | undefined> {
    const last = await this.#record.start();
    if (typeof last !== "number") return last;
    this.#sequence = last;
    return undefined;
  }

  /** Records the outcome and the remaining log lines. May be repeated after an error. @see InvocationRecord.finish */
  finish(outcome: Outcome, mayRepeat = false): Promise<Recorded> {
    return this.#end((logs) => this.#record.finish(outcome, logs, mayRepeat));
  }

  /** Leaves the invocation for another attempt, with the remaining log lines. May be repeated after an error. */
  release(): Promise<Recorded> {
    return this.#end((logs) => this.#record.release(logs));
  }

  async #end<T>(record: (logs: readonly RecordedLog[]) => Promise<T>): Promise<T> {
    // Lines that could not be written are then unwritten again.
    if (this.#flushing !== undefined) await this.#flushing;
    const logs = this.#takeUnwritten();
    try {
      const recorded = await record(logs);
      this.#notifier.notify(this.#invocationId);
      return recorded;
    } catch (error) {
      this.#unwritten.unshift(...logs);
      throw error;
    }
  }

  #flushNow(): void {
    const flushing = this.#flushing = this.#flush().finally(() => {
      if (this.#flushing === flushing) this.#flushing = undefined;
    });
  }

  /** Lines that cannot be written are written with the next ones, or with the outcome. */
  async #flush(): Promise<void> {
    const logs = this.#takeUnwritten();
    const invocationId = this.#invocationId;
    try {
      await this.#record.appendLogs(logs);
      this.#notifier.notify(invocationId);
    } catch (error) {
      this.#unwritten.unshift(...logs);
      logger.debug("{lines} log lines of invocation {invocationId} are not recorded yet", {
        lines: logs.length,
        invocationId,
        error,
      });
    }
  }

  #takeUnwritten(): RecordedLog[] {
    this.#flushes.delete(this);
    const logs = this.#unwritten;
    this.#unwritten = [];
    return logs;
  }
}
