/** The record of an attempt in the store: its outcome, and what its phases took by the clock of the node that owns it. */
import type { Measurements, NotBegun, Outcome } from "../../engine/contract.ts";
import type { InvocationRecord, Recorded, RecordedLog } from "../../engine/recorder.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type {
  AttemptKey,
  InvocationEnd,
  InvocationLogRow,
  MeasureColumns,
} from "../../store/invocations.ts";
import type { Store, Writers } from "../../store/mod.ts";
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
import { freePermit, rateOf, returnToLine, startWithPermit } from "./rate_limit.ts";

/** The invocation has ended, or is another node's: nothing more of the attempt may happen. */
const OVER: NotBegun = { kind: "over" };

/**
 * The record of one attempt of an invocation in the store. Each write checks in its transaction that the attempt is
 * still the current one of this owner: what was taken over meanwhile records nothing.
 */
export class StoredRecord implements InvocationRecord {
  /** Set once the invocation has its volume; its changes are then part of the transaction that records the outcome. */
  volume: AttachedVolume | undefined;

  /** As it is stored: a waiting invocation has the number of the attempt before. */
  #key: AttemptKey;
  /** Whether it may hold a permit of a rate limit that it has not started in. */
  #mayHoldPermit: boolean;
  /** Whether its end has returned the permit that it held of a rate limit: another invocation may start with it. */
  hasFreedPermit = false;

  constructor(
    private readonly store: Store,
    private readonly attempt: Pick<Attempt, "row" | "fn" | "live">,
    private readonly rules: {
      /** Whether {@link StoredRecord.placed} records its start for the rate limit: it may wait for a worker before. */
      readonly startsWhenPlaced: boolean;
      readonly limit: RunningLimit | undefined;
      /** Owner of an invocation whose next attempt may begin; null if any node may claim it. */
      readonly nextOwner: string | null;
    },
    private readonly timeline: Timeline,
  ) {
    const { row: { id, owner, attempt: number, status } } = attempt;
    this.#key = { id, owner, attempt: number };
    this.#mayHoldPermit = status === "PENDING" || rules.startsWhenPlaced;
  }

  /** The number of the attempt under way. */
  get number(): number {
    return this.#key.attempt;
  }

  async start(): Promise<number | NotBegun> {
    const { limit, startsWhenPlaced } = this.rules;
    const { functionId, mode } = this.attempt.row;
    const next = { ...this.#key, attempt: this.#key.attempt + 1 };
    // The limit in force now, which may differ from that of its admission.
    const rate = rateOf(await this.#function());
    const started = await this.store.write(
      async (tx) => {
        if (await limit?.isReached(tx)) return { kind: "full" } as const;
        const owned = { ...this.#key, functionId };
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
      },
      "durable",
      [
        ...limit === undefined ? [] : [limit.lock],
        ...rate === undefined ? [] : [locks.ofFlow(functionId)],
      ],
    );
    if (typeof started === "number") {
      this.#key = next;
      this.#mayHoldPermit = this.rules.startsWhenPlaced;
    }
    return started;
  }

  /**
   * The attempt has its slot where it runs: it counts against the rate limit from now on, unless the limit was lowered
   * while it waited.
   */
  async placed(): Promise<NotBegun | undefined> {
    const { functionId } = this.attempt.row;
    const rate = rateOf(await this.#function());
    if (rate === undefined) return undefined;
    const { id, attempt } = this.#key;
    const notBegun = await this.store.write(
      async (tx) => {
        // An attempt that is over takes no permit.
        if (!await tx.invocations.isCurrent(this.#key)) return OVER;
        const permit = await startWithPermit(tx, rate, { id, functionId, attempt: attempt - 1 });
        if (permit.kind === "full") {
          return { kind: "rate-limited", ...rate, waitMs: permit.waitMs } as const;
        }
        await tx.invocations.start(this.#key, permit.now);
        return undefined;
      },
      "committed",
      [locks.ofFlow(functionId)],
    );
    if (notBegun === undefined) this.#mayHoldPermit = false;
    return notBegun;
  }

  /** Records the worker that runs the attempt, durably. */
  async assign(worker: string): Promise<NotBegun | undefined> {
    const isCurrent = await this.store.write((tx) => tx.invocations.assign(this.#key, worker));
    return isCurrent ? undefined : OVER;
  }

  async appendLogs(logs: readonly RecordedLog[]): Promise<void> {
    await this.store.write(async (tx) => {
      if (await tx.invocations.isCurrent(this.#key)) await this.#append(tx, logs);
    }, "committed");
  }

  async finish(
    outcome: Outcome,
    logs: readonly RecordedLog[],
    mayRepeat = false,
  ): Promise<Recorded> {
    const commit = await this.volume?.prepare(outcome);
    const { row } = this.attempt;
    const fn = mayRepeat && row.mode === "async" && outcome.kind === "error"
      ? await this.#function()
      : undefined;
    return await this.store.write(
      async (tx) => {
        // An end without lines and volume checks it in its own statement.
        const isAlone = logs.length === 0 && commit === undefined;
        if (!isAlone && !await tx.invocations.isCurrent(this.#key)) return undefined;
        await this.#append(tx, logs);
        const { outcome: recorded, ...versions } = await commit?.(tx) ?? { outcome };
        if (mayRepeat && recorded.kind === "error") {
          const next = nextAttempt(row, recorded.code, this.number);
          if (next !== undefined) return await this.#repeat(tx, next, fn, recorded);
        }
        const end = endOf(recorded);
        const answered = this.attempt.live?.httpRequest?.record;
        const conclusion = {
          end,
          ...versions,
          processKind: outcome.process,
          measures: this.timeline.columns(outcome, this.volume?.session.bytes),
          http: answered && JSON.stringify(answered),
          failedAnswer: (answered?.status ?? 0) >= 500,
        };
        const now = new Date().toISOString();
        if (!await tx.invocations.finish(this.#key, conclusion, now)) return undefined;
        await conclude(tx, this.attempt, end, now);
        if (this.#mayHoldPermit) await this.#freePermit(tx, now);
        return recorded;
      },
      "durable",
      [
        ...this.volume?.locks ?? [],
        ...this.#mayHoldPermit ? [locks.ofFlow(row.functionId)] : [],
      ],
    );
  }

  async #freePermit(tx: Writers, now: string): Promise<void> {
    const { functionId } = this.attempt.row;
    this.hasFreedPermit = await freePermit(tx, functionId, this.#key.id, now);
  }

  async release(logs: readonly RecordedLog[]): Promise<Recorded> {
    const fn = await this.#function();
    return await this.store.write(async (tx) => {
      if (!await tx.invocations.isCurrent(this.#key)) return undefined;
      await this.#append(tx, logs);
      return await this.#repeat(tx, { delayMs: undefined }, fn, undefined);
    });
  }

  /** @param outcome undefined if none of its code ran */
  async #repeat(
    tx: Writers,
    next: NextAttempt,
    fn: FunctionRow | undefined,
    outcome: Outcome | undefined,
  ): Promise<Recorded> {
    const { functionId } = this.attempt.row;
    const error = outcome?.kind === "error" ? outcome : undefined;
    const repeated = await repeat(
      tx,
      { ...this.#key, functionId },
      next,
      fn,
      this.rules.nextOwner,
      error,
    );
    return repeated && { kind: "repeat", ...repeated };
  }

  #function(): Promise<FunctionRow | undefined> {
    return this.store.read.functions.get(this.attempt.row.functionId);
  }

  async #append(tx: Writers, logs: readonly RecordedLog[]): Promise<void> {
    const rows = logs.map((log): InvocationLogRow => ({
      ...log,
      invocationId: this.#key.id,
      time: new Date(log.time).toISOString(),
    }));
    await tx.invocations.appendLogs(rows);
  }
}

/** An outcome in the columns of an invocation. */
export function endOf(outcome: Outcome): InvocationEnd {
  return outcome.kind === "success"
    ? { status: "SUCCESS", output: outcome.outputJson }
    : { status: "ERROR", code: outcome.code, message: outcome.message };
}

const MICROS_PER_MS = 1000;

/** The phases of an attempt in their order. */
export const PHASES = ["admission", "queue", "instance", "evaluate", "run", "record"] as const;
type PhaseName = typeof PHASES[number];

/** What is recorded of an attempt, as JSON. Times in microseconds. */
export interface AttemptMeasures {
  /** When the first phase began, in milliseconds since 1970. */
  readonly at: number;
  /** The phases as in {@link PHASES}; null for those that it did not have. Each begins at the end of the one before. */
  readonly phases: readonly (number | null)[];
  /** Inside of `run`: host calls, egress. Absent if it got no process. */
  readonly inside?: readonly [hostCalls: number, egress: number];
  readonly peakBytes?: number;
  readonly egressBytes?: number;
  /** Bytes of files that it read and wrote on its volume; absent without one. */
  readonly volumeBytes?: number;
  /** Host, verdict, count, bytes. */
  readonly egress?: readonly (readonly [string, string, number, number])[];
}

/**
 * Transitions: began, granted (it has its slot, and its start is recorded), ended (its outcome is known). An attempt may
 * end before it is granted.
 */
export class Timeline {
  readonly #beganMs = performance.now();
  readonly #receivedMs: number | undefined;
  #grantedMs: number | undefined;
  #endedMs: number | undefined;

  /** @param receivedMs when the request came, of an invocation that starts at once */
  constructor(receivedMs: number | undefined) {
    this.#receivedMs = receivedMs;
  }

  granted(): void {
    this.#grantedMs ??= performance.now();
  }

  ended(): void {
    this.#endedMs ??= performance.now();
  }

  /** What to record of the attempt with its outcome, now. */
  columns({ measured }: Outcome, volumeBytes: number | undefined): MeasureColumns {
    const nowMs = performance.now();
    const firstMs = this.#receivedMs ?? this.#beganMs;
    const endedMs = this.#endedMs ?? nowMs;
    const grantedMs = this.#grantedMs ?? endedMs;
    const ran = this.#grantedMs === undefined
      ? [null, null, null]
      : runPhases(endedMs - grantedMs, measured);
    const recorded: AttemptMeasures = {
      at: Date.now() - (nowMs - firstMs),
      phases: [
        this.#receivedMs === undefined ? null : this.#beganMs - this.#receivedMs,
        grantedMs - this.#beganMs,
        ...ran,
        nowMs - endedMs,
      ].map((ms) => ms === null ? null : micros(ms)),
      ...measured === undefined ? {} : usageOf(measured),
      ...volumeBytes === undefined ? {} : { volumeBytes },
    };
    return {
      durationMicros: micros(nowMs - firstMs),
      cpuMicros: measured?.cpuMs === undefined ? null : micros(measured.cpuMs),
      measured: JSON.stringify(recorded),
    };
  }
}

function micros(ms: number): number {
  return Math.max(0, Math.round(ms * MICROS_PER_MS));
}

/**
 * Splits the time from the grant to the outcome. The process reports its own part, a worker by another clock: it is cut to
 * that time, and the rest is the wait for the process, and the way to a worker and back.
 */
function runPhases(
  totalMs: number,
  measured: Measurements | undefined,
): readonly (number | null)[] {
  if (measured === undefined) return [totalMs, null, null];
  const processMs = Math.min(measured.processMs, totalMs);
  const evaluateMs = Math.min(measured.evaluateMs ?? 0, processMs);
  return [
    totalMs - processMs,
    measured.evaluateMs === undefined ? null : evaluateMs,
    processMs - evaluateMs,
  ];
}

function usageOf(
  { hostCallsMs, egressMs, peakBytes, egressBytes, egress }: Measurements,
): Partial<AttemptMeasures> {
  return {
    inside: [micros(hostCallsMs), micros(egressMs)],
    ...peakBytes === undefined ? {} : { peakBytes },
    ...egressBytes === 0 ? {} : { egressBytes },
    ...egress.length === 0 ? {} : {
      egress: egress.map(({ host, verdict, count, bytes }) => [host, verdict, count, bytes]),
    },
  };
}
