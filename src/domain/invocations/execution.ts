import { getLogger } from "@logtape/logtape";
import type {
  Claim,
  Engine,
  NotBegun,
  Outcome,
  Overloaded,
  Ran,
  RateLimited,
  Repeat,
  Run,
  Slot,
} from "../../engine/contract.ts";
import { type InvocationNotifier, type Recorded, Recorder } from "../../engine/recorder.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import { type StorageHealth, StorageUnavailable } from "../../store/storage_health.ts";
import { configOf, type Secrets } from "../functions/secrets.ts";
import type { Ownership } from "../ownership/contract.ts";
import type { Scheduler } from "../scheduling/scheduler.ts";
import type { Snapshots } from "../volumes/snapshots.ts";
import type { VolumeLimits } from "../volumes/write_set.ts";
import { AttachedVolume } from "./attached_volume.ts";
import { type Attempt, jobOf, runningLimitOf, variablesOf } from "./attempt.ts";
import type { HostMethods } from "./host_methods.ts";
import { limitOf, type LimitWaits } from "./limit_waits.ts";
import { cancelledWithCaller, cannotRun, notStartedOutcome, rateLimitedOutcome } from "./ends.ts";
import { StoredRecord, Timeline } from "./record.ts";
import { damageOf } from "../../store/damage.ts";
import { backoffMs } from "../../shared/backoff.ts";
import { pause } from "../../shared/pause.ts";
import { DomainError, storageUnavailable } from "../errors.ts";

const logger = getLogger(["invoked", "domain"]);

/** What sets the wall-clock time of an invocation. */
const TIMEOUT_SETTING = "timeout of the function, or --invocation-timeout";

/** What an execution works with. */
interface ExecutionParts {
  readonly store: Store;
  readonly engine: Engine;
  readonly ownership: Ownership;
  readonly notifier: InvocationNotifier;
  readonly scheduler: Scheduler;
  readonly limitWaits: LimitWaits;
  readonly secrets: Secrets;
  readonly snapshots: Snapshots;
  readonly hostMethods: HostMethods;
  readonly volumeLimits: VolumeLimits;
}

/** What was recorded of an attempt. */
type RecordedResult =
  /** The outcome is durable. */
  | { readonly kind: "recorded"; readonly outcome: Outcome }
  /** Another attempt follows: the row waits as PENDING, with the number of the last one. */
  | Repeat
  /** A shutdown leaves the invocation for the next start, it had ended meanwhile, or another node took it over. */
  | { readonly kind: "not-run" };

/** The outcome of an execution, or why it has none. */
export type ExecutionResult =
  | RecordedResult
  /** The slot of a synchronous invocation was not granted in time; the recorded end is durable. */
  | { readonly kind: "queue-timeout" }
  /** The rate limit kept a synchronous invocation from starting when it got its slot; the recorded end is durable. */
  | RateLimited
  | Overloaded;

/** What one attempt works with. */
interface RunningAttempt {
  readonly run: Run;
  readonly record: StoredRecord;
  readonly recorder: Recorder;
  readonly write: PatientWrite;
  /** Aborts when the invocation that made this one has ended. */
  readonly signal: AbortSignal | undefined;
  readonly timeline: Timeline;
}

/** Runs recorded invocations: opens what a run needs, has the engine run the job, records the outcome. */
export class Executions {
  readonly #logFlushes = Recorder.flushes();
  /** Of each execution under way, what rejects when something of it cannot be recorded for now. */
  readonly #unrecorded = new Map<string, PromiseWithResolvers<never>>();

  constructor(private readonly parts: ExecutionParts) {}

  /**
   * Runs the invocation, and releases the slot once the outcome is recorded. While the store cannot write, the outcome
   * waits for the store.
   * @param signal aborts when the invocation that made this one has ended
   * @param claim of the worker that runs it
   */
  async run(
    attempt: Attempt,
    slot: Slot,
    signal: AbortSignal | undefined,
    claim?: Claim,
  ): Promise<ExecutionResult> {
    const { store, engine, ownership, notifier, scheduler } = this.parts;
    const { row: { id, mode } } = attempt;
    const timeline = new Timeline(attempt.live?.receivedMs);
    using run = engine.begin({ id, mode, signal, claim }, slot);
    using unrecorded = this.#trackUnrecorded(id);
    const record = new StoredRecord(
      store,
      attempt,
      {
        startsWhenPlaced: startsWhenPlaced(attempt, ownership),
        limit: runningLimitOf(attempt, ownership),
        nextOwner: ownership.ownerOf("async"),
      },
      timeline,
    );
    const lastSequence = attempt.lastSequence ?? 0;
    const recorder = new Recorder(record, notifier, this.#logFlushes, id, lastSequence);
    const write = patientWriter(store.health, id, run, unrecorded.reject);
    try {
      const notStarted = await run.start();
      if (notStarted === "left-for-next-start") return { kind: "not-run" };
      if (notStarted !== undefined) {
        const outcome = await write(() =>
          recorder.finish(notStartedOutcome(notStarted, signal, engine.queueTimeoutMs))
        );
        if (record.hasFreedPermit) scheduler.wake();
        if (typeof notStarted !== "string") return notStarted;
        return notStarted === "queue-timeout" ? { kind: "queue-timeout" } : resultOf(outcome);
      }
      return await this.#execute(attempt, { run, record, recorder, write, signal, timeline });
    } catch (error) {
      logger.error("Failed to record the outcome of invocation {id}", { id, error });
      throw error;
    }
  }

  /**
   * Waits for the end of an execution under way.
   * @param ended resolves at that end
   * @throws STORAGE_UNAVAILABLE as soon as its record waits for the store
   */
  async recorded<T>(id: string, ended: Promise<T>): Promise<T> {
    const unrecorded = this.#unrecorded.get(id);
    return await (unrecorded === undefined ? ended : Promise.race([ended, unrecorded.promise]));
  }

  #trackUnrecorded(id: string): Disposable & { readonly reject: (reason: unknown) => void } {
    const unrecorded = Promise.withResolvers<never>();
    unrecorded.promise.catch(() => {});
    this.#unrecorded.set(id, unrecorded);
    return {
      reject: unrecorded.reject,
      [Symbol.dispose]: () => this.#unrecorded.delete(id),
    };
  }

  /** Runs the attempt, and records how it ended. */
  async #execute(attempt: Attempt, parts: RunningAttempt): Promise<ExecutionResult> {
    const { record, recorder, write } = parts;
    const attempted = await this.#attempt(attempt, parts);
    // It is closed.
    record.volume = undefined;
    switch (attempted.kind) {
      case "recorded":
      case "repeat":
      case "not-run":
        return attempted;
      case "over":
        return { kind: "not-run" };
      case "rate-limited":
        // Its caller waits; another invocation waits in the line.
        await write(() => recorder.finish(rateLimitedOutcome()));
        return attempted;
      case "full":
      case "not-placed":
        return await this.#leave(attempt, parts);
    }
  }

  /** Answers the outcome as recorded, or why none of its code ran; then nothing is recorded yet but a further attempt. */
  async #attempt(
    attempt: Attempt,
    { run, record, recorder, write, signal, timeline }: RunningAttempt,
  ): Promise<RecordedResult | Exclude<Ran, Outcome>> {
    const { hostMethods, secrets } = this.parts;
    const { row, limits: { timeoutMs }, live } = attempt;
    // Identifies the invocation to the operations that it calls.
    const invocation = { invocationId: row.id, functionId: row.functionId, depth: row.depth };
    try {
      if (row.status === "PENDING") {
        const notBegun = await this.#begin(attempt, { run, recorder, write });
        if (notBegun !== undefined) return notBegun;
      }
      timeline.granted();
      const config = configOf(await secrets.read(row.functionId), variablesOf(attempt));
      await using volume = await this.#attach(row);
      record.volume = volume;
      const httpRequest = live?.httpRequest;
      const releaseSlot = () => run.releaseSlot();
      httpRequest?.begin({ timeoutMs, timeoutSetting: TIMEOUT_SETTING, releaseSlot });
      const ran = await run.execute({ ...jobOf(attempt, record.number), config }, {
        host: hostMethods.hostOf(invocation, { volume: volume?.session, httpRequest }),
        onLog: (log) => recorder.log(log),
        onAssigned: (worker) => record.assign(worker),
        onPlaced: startsWhenPlaced(attempt, this.parts.ownership)
          ? () => record.placed()
          : undefined,
      });
      if (ran.kind !== "success" && ran.kind !== "error") return ran;
      timeline.ended();
      const outcome = httpRequest?.ended(cancelledWithCaller(ran, signal)) ?? ran;
      // The volume stays open until the outcome is durable.
      return resultOf(
        await write(() => recorder.finish(cancelledWithCaller(outcome, signal), true)),
      );
    } catch (error) {
      const isUnavailable = error instanceof StorageUnavailable;
      if (isUnavailable && run.signal.reason === "INTERRUPTED") throw error;
      record.volume = undefined;
      const outcome = cannotRun(invocation, error);
      return resultOf(await write(() => recorder.finish(outcome, isUnavailable)));
    }
  }

  /** Records the end of an attempt that found no slot in time, or leaves it for another one. */
  async #leave(
    { row: { mode } }: Attempt,
    { run, recorder, write, signal }: RunningAttempt,
  ): Promise<ExecutionResult> {
    // Aborted while it waited; a run that is cancelled ends so.
    if (run.signal.aborted) {
      const reason = run.signal.reason === "CANCELLED" ? "cancelled" : "interrupted";
      const outcome = notStartedOutcome(reason, signal, 0);
      return resultOf(await write(() => recorder.finish(outcome)));
    }
    // None of its code ran, so the attempt does not count.
    if (mode === "async") return resultOf(await write(() => recorder.release()));
    const { queueTimeoutMs } = this.parts.engine;
    await write(() => recorder.finish(notStartedOutcome("queue-timeout", signal, queueTimeoutMs)));
    return { kind: "queue-timeout" };
  }

  /**
   * Starts the attempt once fewer invocations of its function run, on all nodes, than its limit allows.
   * @returns why it does not start; `full` if it had to wait for longer than the queue timeout of an invocation with a
   * caller
   */
  async #begin(
    { row: { mode, functionId } }: Attempt,
    { run, recorder, write }: Pick<RunningAttempt, "run" | "recorder" | "write">,
  ): Promise<NotBegun | undefined> {
    const { engine: { queueTimeoutMs }, limitWaits } = this.parts;
    const deadline = performance.now() + (mode === "sync" ? queueTimeoutMs : Infinity);
    let notBegun = await write(() => recorder.start());
    if (notBegun?.kind !== "full") return notBegun;
    await limitWaits.wait(limitOf(functionId), async () => {
      notBegun = await write(() => recorder.start());
      return notBegun?.kind !== "full";
    }, { deadline, signal: run.signal });
    return notBegun;
  }

  async #attach({ id, volumeId }: InvocationRow): Promise<AttachedVolume | undefined> {
    const { store, snapshots, volumeLimits: limits } = this.parts;
    if (volumeId === null) return undefined;
    return await AttachedVolume.open({ store, snapshots, limits }, volumeId, id);
  }
}

/** Whether an attempt counts against the rate limit once it has its slot where it runs: it may wait for a worker. */
function startsWhenPlaced({ row: { mode }, fn }: Attempt, ownership: Ownership): boolean {
  return fn.rateLimit !== null && mode === "sync" && !ownership.startsWithSlot;
}

/** Undefined is an outcome that was not recorded: the invocation had ended, or another node took it over. */
function resultOf(recorded: Recorded): RecordedResult {
  if (recorded === undefined) return { kind: "not-run" };
  return recorded.kind === "repeat" ? recorded : { kind: "recorded", outcome: recorded };
}

/**
 * How often a start or an end is written that the store rejects while it can write. Recovery later ends an invocation
 * that was not written.
 */
const ATTEMPTS_MAX = 5;
const BACKOFF = { initialMs: 100, maxMs: 1_000 } as const;
const NEVER_ABORTED = new AbortController().signal;

/** Repeats a write until the store can write. */
type PatientWrite = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Makes the writer of an execution: it waits for a store that cannot write, and repeats a write that failed with another
 * error, which may pass, as a lock or a time limit of the database does. An interruption ends the wait: the next start then
 * finds the invocation as it is recorded.
 * @param onWait learns that the record waits for the store
 */
function patientWriter(
  health: Pick<StorageHealth, "available">,
  id: string,
  { signal }: Pick<Run, "signal">,
  onWait: (reason: DomainError) => void,
): PatientWrite {
  return async (work) => {
    for (let failures = 0;;) {
      try {
        return await work();
      } catch (error) {
        if (signal.reason === "INTERRUPTED") throw error;
        if (error instanceof StorageUnavailable) {
          onWait(storageUnavailable(`Invocation ${id} is not recorded yet`, error));
          await Promise.race([health.available(), wasInterrupted(signal)]);
        } else {
          if (++failures === ATTEMPTS_MAX || !mayPass(error)) throw error;
          await pause(backoffMs(BACKOFF, failures), NEVER_ABORTED);
        }
      }
    }
  };
}

function mayPass(error: unknown): boolean {
  return !(error instanceof DomainError || damageOf(error) !== undefined);
}

/** Resolves once the signal aborts because the server stops. */
async function wasInterrupted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onAbort = () => signal.reason === "INTERRUPTED" && resolve();
  signal.addEventListener("abort", onAbort);
  onAbort();
  await promise;
}
