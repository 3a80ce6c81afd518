/** Records invocations, and notifies whoever follows one. */
import { getLogger } from "@logtape/logtape";
import type { SandboxLog } from "../sandbox/contract.ts";
import { Deadlines } from "../shared/time.ts";
import type { NotBegun, Outcome, Repeat } from "./contract.ts";

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

/**
 * What was recorded at the end of an attempt; undefined if nothing was: the invocation had ended, or belongs to another
 * owner.
 */
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
   * Records the outcome with the last log lines, durably, all or nothing. Returns the outcome as recorded: a volume can
   * turn a success into an error.
   * @param mayRepeat whether the invocation is left for another attempt if it may have one after this outcome
   */
  finish(outcome: Outcome, logs: readonly RecordedLog[], mayRepeat?: boolean): Promise<Recorded>;
  /** RUNNING to PENDING with the last log lines: none of its code ran, so that the attempt does not count. */
  release(logs: readonly RecordedLog[]): Promise<Recorded>;
}

/** Numbers and groups the log lines of one invocation, and records how it ends. */
export class Recorder {
  readonly #record: InvocationRecord;
  readonly #notifier: InvocationNotifier;
  readonly #flushes: Deadlines<Recorder>;
  readonly #invocationId: string;
  #sequence = 0;
  #unwritten: RecordedLog[] = [];
  /** The last write of log lines alone. */
  #flushing: Promise<void> | undefined;

  constructor(
    record: InvocationRecord,
    notifier: InvocationNotifier,
    flushes: Deadlines<Recorder>,
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
  static flushes(): Deadlines<Recorder> {
    return new Deadlines<Recorder>((recorder) => recorder.#flushNow());
  }

  /** Records a line within {@link LOG_FLUSH_INTERVAL_MS}, or with the outcome. */
  log(log: SandboxLog): void {
    this.#unwritten.push({ ...log, sequence: ++this.#sequence });
    // After a failed write there may be more lines than this; the timer writes them.
    if (this.#unwritten.length === LOG_LINES_PER_WRITE_MAX) this.#flushNow();
    else this.#flushes.add(this, LOG_FLUSH_INTERVAL_MS);
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

/** A subscription to one invocation. */
interface InvocationSubscription extends Disposable {
  /** Resolves when something was recorded since the last call, or after `timeoutMs`. */
  next(timeoutMs: number): Promise<void>;
}

/** Carries notifications between nodes. They may be lost: whoever waits for one looks again after a time. */
interface NotificationRelay {
  publish(invocationId: string): void;
  /** Calls `wake` for each notification of another node. */
  subscribe(invocationId: string, wake: () => void): Disposable;
}

/** Notifies subscribers that something of an invocation was recorded. It carries no data: subscribers read the store. */
export class InvocationNotifier {
  readonly #subscribers = new Map<string, Set<() => void>>();
  /** To other nodes, if there may be any. */
  readonly #relay: NotificationRelay | undefined;
  readonly #relayed = new Map<string, Disposable>();

  constructor(relay?: NotificationRelay) {
    this.#relay = relay;
  }

  /** Wakes the subscribers of the invocation, on every node. */
  notify(invocationId: string): void {
    this.#wake(invocationId);
    this.#relay?.publish(invocationId);
  }

  subscribe(invocationId: string): InvocationSubscription {
    let news = Promise.withResolvers<void>();
    const wake = () => news.resolve();
    const subscribers = this.#subscribers.get(invocationId) ?? new Set();
    subscribers.add(wake);
    this.#subscribers.set(invocationId, subscribers);
    if (this.#relay !== undefined && !this.#relayed.has(invocationId)) {
      const relayed = this.#relay.subscribe(invocationId, () => this.#wake(invocationId));
      this.#relayed.set(invocationId, relayed);
    }
    return {
      async next(timeoutMs) {
        const timer = setTimeout(wake, timeoutMs);
        await news.promise;
        clearTimeout(timer);
        news = Promise.withResolvers<void>();
      },
      [Symbol.dispose]: () => {
        subscribers.delete(wake);
        const isLast = this.#subscribers.get(invocationId) === subscribers;
        if (isLast && subscribers.size === 0) this.#forget(invocationId);
        wake();
      },
    };
  }

  #wake(invocationId: string): void {
    for (const wake of this.#subscribers.get(invocationId) ?? []) wake();
  }

  #forget(invocationId: string): void {
    this.#subscribers.delete(invocationId);
    this.#relayed.get(invocationId)?.[Symbol.dispose]();
    this.#relayed.delete(invocationId);
  }
}
