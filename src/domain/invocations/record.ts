/** The record of an attempt in the store: its start, its log lines, and its outcome. */
import { getLogger } from "@logtape/logtape";
import type { NotBegun, Outcome, Repeat } from "../../engine/contract.ts";
import type { InvocationNotifier } from "../../engine/notifier.ts";
import type { SandboxLog } from "../../sandbox/contract.ts";
import { Deadlines } from "../../shared/time.ts";
import type { FunctionRow } from "../../store/functions.ts";
import { unlessUnchanged } from "../../store/grouped_writer.ts";
import type { AttemptKey, InvocationEnd, InvocationLogRow } from "../../store/invocations.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { Telemetry, UnstartedAttempt } from "../../telemetry/contract.ts";
import type { DomainError, Reason } from "../errors.ts";
import { locks } from "../locks.ts";
import type { AttachedVolume } from "./attached_volume.ts";
import {
  type Attempt,
  conclude,
  type NextAttempt,
  nextAttempt,
  repeat,
  type RunningLimit,
} from "./attempt.ts";
import { type AttemptTimes, columnsOf, measure } from "./measures.ts";
import { freePermit, rateOf, returnToLine, startWithPermit } from "./rate_limit.ts";
import { type RecordWrite, waitAfter } from "./record_waits.ts";
import { type Ended, reportOf } from "./reports.ts";
import { addUsage } from "./usage.ts";

const logger = getLogger(["invoked", "domain"]);

/** How long a log line of a running invocation waits for others before it is written. */
const LOG_FLUSH_INTERVAL_MS = 100;
/** Log lines that are written at once. */
const LOG_LINES_PER_WRITE_MAX = 500;

/** The invocation has ended, or is another node's: nothing more of the attempt may happen. */
const OVER: NotBegun = { kind: "over" };

/** What was recorded at the end of an attempt. */
export type Recorded =
  /** The outcome is durable; a volume can have turned a success into an error. */
  | { readonly kind: "recorded"; readonly outcome: Outcome }
  /** Another attempt follows: the row waits as PENDING, with the number of the last one. */
  | Repeat
  /** A shutdown leaves the invocation for the next start, it had ended meanwhile, or another node took it over. */
  | { readonly kind: "not-run" };

const NOT_RUN: Recorded = { kind: "not-run" };

/** What a record works with. */
interface RecordParts {
  readonly store: Store;
  readonly notifier: InvocationNotifier;
  readonly telemetry: Telemetry;
  /** @see AttemptRecord.flushes */
  readonly flushes: Pick<Deadlines<AttemptRecord>, "add" | "delete">;
}

/** What decides how an attempt is recorded. */
interface RecordRules {
  /** Whether {@link AttemptRecord.placed} records its start for the rate limit: it may wait for a worker before. */
  readonly startsWhenPlaced: boolean;
  readonly limit: RunningLimit | undefined;
  /** Owner of an invocation whose next attempt may begin; null if any node may claim it. */
  readonly nextOwner: string | null;
  /** Of its run: an interruption ends the wait for the store, and the next start finds the invocation as it is recorded. */
  readonly signal: AbortSignal;
  /** Learns that a start or an end waits for the store. */
  readonly onWait: (reason: DomainError) => void;
}

/**
 * The record of one attempt of an invocation in the store. Each write checks in its transaction that the attempt is
 * still the current one of this owner: what was taken over meanwhile records nothing. Its start and its end wait for a store
 * that cannot write, and repeat a write that failed with another error which may pass, as a lock or a time limit of the
 * database does. Its log lines are written in groups.
 */
export class AttemptRecord {
  /** Set once the invocation has its volume; its changes are then part of the transaction that records the outcome. */
  volume: AttachedVolume | undefined;
  readonly times: AttemptTimes;
  /** Whether its end has returned the permit that it held of a rate limit: another invocation may start with it. */
  hasFreedPermit = false;

  /** As it is stored: a waiting invocation has the number of the attempt before. */
  key: AttemptKey;
  /** Whether it may hold a permit of a rate limit that it has not started in. */
  #mayHoldPermit: boolean;
  /** Of its last log line: 1, 2, 3, ... without gaps within an invocation. */
  #sequence: number;
  #unwritten: InvocationLogRow[] = [];
  /** Whether a start or an end has waited for the store: its caller has then been answered. */
  #hasWaited = false;
  /** The last write of log lines alone. */
  #flushing: Promise<void> | undefined;

  constructor(
    private readonly parts: RecordParts,
    private readonly attempt: Pick<Attempt, "row" | "fn" | "live" | "lastSequence" | "limits">,
    readonly rules: RecordRules,
  ) {
    const { row: { id, owner, attempt: number, status }, live, lastSequence = 0 } = attempt;
    this.times = { receivedMs: live?.receivedMs, beganMs: performance.now() };
    this.key = { id, owner, attempt: number };
    this.#mayHoldPermit = status === "PENDING" || rules.startsWhenPlaced;
    this.#sequence = lastSequence;
  }

  /** @see waitAfter */
  get #writing(): RecordWrite {
    const onWait = (reason: DomainError) => {
      this.#hasWaited = true;
      this.rules.onWait(reason);
    };
    return { id: this.key.id, store: this.parts.store, ...this.rules, onWait };
  }

  /** The flushes of many records, each {@link LOG_FLUSH_INTERVAL_MS} after its first unwritten line. */
  static flushes(): Deadlines<AttemptRecord> {
    return new Deadlines<AttemptRecord>((record) => record.#flushNow());
  }

  /** PENDING to RUNNING, durably. Answers why the attempt does not start; undefined once it has. */
  async start(): Promise<NotBegun | undefined> {
    for (let failures = 0;;) {
      try {
        return await this.#start();
      } catch (error) {
        failures = await waitAfter(error, failures, this.#writing);
      }
    }
  }

  async #start(): Promise<NotBegun | undefined> {
    const { limit, startsWhenPlaced } = this.rules;
    const { functionId, mode } = this.attempt.row;
    const next = { ...this.key, attempt: this.key.attempt + 1 };
    // The limit in force now, which may differ from that of its admission.
    const rate = rateOf(await this.#function());
    const held = [
      ...limit === undefined ? [] : [limit.lock],
      ...rate === undefined ? [] : [locks.ofFlow(functionId)],
    ];
    const started = await this.parts.store.writeLocked(held, async (tx) => {
      if (await limit?.isReached(tx)) return { kind: "full" } as const;
      const owned = { ...this.key, functionId };
      // An attempt that is over takes no permit.
      if (rate !== undefined && !await tx.invocations.isCurrent(owned)) return OVER;
      const permit = rate && await startWithPermit(tx, rate, owned, startsWhenPlaced);
      if (permit?.kind === "full") {
        const { waitMs } = permit;
        if (rate !== undefined && mode === "sync") {
          return { kind: "rate-limited", ...rate, waitMs } as const;
        }
        return await returnToLine(tx, owned, owned.attempt, waitMs) ?? OVER;
      }
      const now = permit?.now ?? new Date().toISOString();
      if (!await tx.invocations.start(next, now)) return OVER;
      return next.attempt === 1 ? 0 : await tx.invocations.lastSequence(next.id);
    });
    if (typeof started !== "number") return started;
    this.key = next;
    this.#mayHoldPermit = startsWhenPlaced;
    this.#sequence = started;
    return undefined;
  }

  /**
   * The attempt has its slot where it runs: it counts against the rate limit from now on, unless the limit was lowered
   * while it waited.
   */
  async placed(): Promise<NotBegun | undefined> {
    const { functionId } = this.attempt.row;
    const rate = rateOf(await this.#function());
    if (rate === undefined) return undefined;
    const { id, attempt } = this.key;
    const notBegun = await this.parts.store.writeLocked([locks.ofFlow(functionId)], async (tx) => {
      // An attempt that is over takes no permit.
      if (!await tx.invocations.isCurrent(this.key)) return OVER;
      const permit = await startWithPermit(tx, rate, { id, functionId, attempt: attempt - 1 });
      if (permit.kind === "full") {
        return { kind: "rate-limited", ...rate, waitMs: permit.waitMs } as const;
      }
      await tx.invocations.start(this.key, permit.now);
      return undefined;
    }, "committed");
    if (notBegun === undefined) this.#mayHoldPermit = false;
    return notBegun;
  }

  /** Records the worker that runs the attempt, durably; null if this process runs it. */
  async assign(worker: string | null): Promise<NotBegun | undefined> {
    const assigned = this.parts.store.write((tx) => {
      tx.invocations.assign(this.key, worker);
      return true;
    });
    return await unlessUnchanged(assigned) ? undefined : OVER;
  }

  /** Whether the row has the number of this attempt: a waiting invocation has that of the one before. */
  get #hasStarted(): boolean {
    const { row } = this.attempt;
    return row.status !== "PENDING" || this.key.attempt > row.attempt;
  }

  /** Records a line within {@link LOG_FLUSH_INTERVAL_MS}, or with the outcome. */
  readonly log = (log: SandboxLog): void => {
    const time = new Date(log.time).toISOString();
    const sequence = ++this.#sequence;
    this.#unwritten.push({ ...log, invocationId: this.key.id, time, sequence });
    // After a failed write there may be more lines than this; the timer writes them.
    if (this.#unwritten.length === LOG_LINES_PER_WRITE_MAX) this.#flushNow();
    else this.parts.flushes.add(this, LOG_FLUSH_INTERVAL_MS);
  };

  /**
   * Records the outcome with the remaining log lines, durably, all or nothing.
   * @param mayRepeat whether the invocation is left for another attempt if it may have one after this outcome
   */
  finish(outcome: Outcome, mayRepeat = false): Promise<Recorded> {
    return this.#end(outcome, mayRepeat);
  }

  /**
   * Records the end of an invocation none of whose code ran in this attempt.
   * @param rejection the reason that its caller gets, if a limit kept it from starting
   */
  finishUnstarted(outcome: Outcome, rejection?: Reason): Promise<Recorded> {
    return this.#end(outcome, false, { rejection });
  }

  /** RUNNING to PENDING with the remaining log lines: none of its code ran, so that the attempt does not count. */
  release(): Promise<Recorded> {
    return this.#end(undefined, true);
  }

  async #end(
    outcome: Outcome | undefined,
    mayRepeat: boolean,
    unstarted?: UnstartedAttempt,
  ): Promise<Recorded> {
    for (let failures = 0;;) {
      // Lines that could not be written are then unwritten again.
      if (this.#flushing !== undefined) await this.#flushing;
      this.parts.flushes.delete(this);
      const logs = this.#unwritten.splice(0);
      try {
        const recorded = outcome === undefined
          ? await this.#writeRelease(logs)
          : await this.#writeEnd(outcome, logs, mayRepeat, unstarted);
        this.parts.notifier.notify(this.key.id);
        return recorded;
      } catch (error) {
        this.#unwritten.unshift(...logs);
        failures = await waitAfter(error, failures, this.#writing);
      }
    }
  }

  async #writeEnd(
    outcome: Outcome,
    logs: readonly InvocationLogRow[],
    mayRepeat: boolean,
    unstarted?: UnstartedAttempt,
  ): Promise<Recorded> {
    const { volume, attempt: { row, live, limits } } = this;
    const commit = await volume?.prepare(outcome);
    const fn = mayRepeat && row.mode === "async" && outcome.kind === "error"
      ? await this.#function()
      : undefined;
    let ended: Ended | undefined;
    const held = [
      ...volume?.locks ?? [],
      ...this.#mayHoldPermit ? [locks.ofFlow(row.functionId)] : [],
    ];
    const writing = this.parts.store.writeLocked(held, async (tx): Promise<Recorded> => {
      // Before the changes of the volume: without a volume, the statement that ends or repeats the attempt checks it.
      if (commit !== undefined && !await tx.invocations.isCurrent(this.key)) return NOT_RUN;
      const { outcome: recorded, ...versions } = await commit?.(tx) ?? { outcome };
      const measured = measure(this.times, outcome, volume?.session.bytes);
      ended = { outcome: recorded, measured, atMs: performance.now() };
      const next = mayRepeat && recorded.kind === "error"
        ? nextAttempt(row, recorded.code, this.key.attempt)
        : undefined;
      const now = new Date().toISOString();
      const isAttempt = unstarted === undefined;
      const used = { isAttempt, measured, memoryLimit: limits.memoryBytes };
      if (next !== undefined) {
        const repeated = await this.#repeat(tx, next, fn, recorded, logs);
        if (repeated.kind === "repeat") addUsage(tx, this.attempt, used, now);
        return repeated;
      }
      const end = endOf(recorded);
      const answered = live?.httpRequest?.record;
      const conclusion = {
        end,
        ...versions,
        processKind: outcome.process,
        measures: columnsOf(measured),
        http: answered && JSON.stringify(answered),
        failedAnswer: (answered?.status ?? 0) >= 500,
      };
      if (!isAttempt && this.#hasStarted) tx.invocations.unassign(this.key);
      tx.invocations.finish(this.key, conclusion, now);
      const hasFailed = end.status === "ERROR" || conclusion.failedAnswer;
      addUsage(tx, this.attempt, { ...used, end: hasFailed ? "failed" : "succeeded" }, now);
      tx.invocations.appendLogs(logs);
      await conclude(tx, this.attempt, end, now);
      if (this.#mayHoldPermit) {
        this.hasFreedPermit = await freePermit(tx, row.functionId, row.id, now);
      }
      return { kind: "recorded", outcome: recorded };
    });
    const written = await unlessUnchanged(writing) ?? NOT_RUN;
    if (ended !== undefined && written.kind !== "not-run") {
      const number = this.#hasStarted ? this.key.attempt : this.key.attempt + 1;
      const isRepeated = written.kind === "repeat";
      const isAnswered = this.#hasWaited;
      const recording = { number, isRepeated, unstarted, isAnswered };
      const report = reportOf(this.attempt, ended, recording);
      this.parts.telemetry.attemptEnded(report);
    }
    return written;
  }

  async #writeRelease(logs: readonly InvocationLogRow[]): Promise<Recorded> {
    const fn = await this.#function();
    return await this.parts.store.write((tx) =>
      this.#repeat(tx, { delayMs: undefined }, fn, undefined, logs)
    );
  }

  /** @param outcome undefined if none of its code ran */
  async #repeat(
    tx: Writers,
    next: NextAttempt,
    fn: FunctionRow | undefined,
    outcome: Outcome | undefined,
    logs: readonly InvocationLogRow[],
  ): Promise<Recorded> {
    const { functionId } = this.attempt.row;
    const error = outcome?.kind === "error" ? outcome : undefined;
    const { nextOwner } = this.rules;
    const repeated = await repeat(tx, { ...this.key, functionId }, next, fn, nextOwner, error);
    if (repeated === undefined) return NOT_RUN;
    tx.invocations.appendLogs(logs);
    return { kind: "repeat", ...repeated };
  }

  #function(): Promise<FunctionRow | undefined> {
    return this.parts.store.read.functions.get(this.attempt.row.functionId);
  }

  #flushNow(): void {
    const flushing = this.#flushing = this.#flush().finally(() => {
      if (this.#flushing === flushing) this.#flushing = undefined;
    });
  }

  /** Lines that cannot be written are written with the next ones, or with the outcome. */
  async #flush(): Promise<void> {
    this.parts.flushes.delete(this);
    const logs = this.#unwritten.splice(0);
    const { id: invocationId } = this.key;
    try {
      await this.parts.store.write(async (tx) => {
        if (await tx.invocations.isCurrent(this.key)) tx.invocations.appendLogs(logs);
      }, "committed");
      this.parts.notifier.notify(invocationId);
    } catch (error) {
      this.#unwritten.unshift(...logs);
      logger.debug("{lines} log lines of invocation {invocationId} are not recorded yet", {
        lines: logs.length,
        invocationId,
        error,
      });
    }
  }
}

/** An outcome in the columns of an invocation. */
function endOf(outcome: Outcome): InvocationEnd {
  return outcome.kind === "success"
    ? { status: "SUCCESS", output: outcome.outputJson }
    : { status: "ERROR", code: outcome.code, message: outcome.message };
}
