import { getLogger } from "@logtape/logtape";
import type {
  Engine,
  NotBegun,
  NotStarted,
  Outcome,
  Overloaded,
  Ran,
  RateLimited,
  Run,
  Slot,
} from "../../engine/contract.ts";
import type { WorkerSlot } from "../../engine/worker_slots.ts";
import type { InvocationNotifier } from "../../engine/notifier.ts";
import type { Store } from "../../store/mod.ts";
import { StorageUnavailable } from "../../store/storage_health.ts";
import type { Telemetry } from "../../telemetry/contract.ts";
import type { Reason } from "../errors.ts";
import type { Secrets } from "../functions/secrets.ts";
import type { Ownership } from "../ownership/contract.ts";
import type { Scheduler } from "../scheduling/scheduler.ts";
import type { Snapshots } from "../volumes/snapshots.ts";
import type { VolumeLimits } from "../volumes/write_set.ts";
import { AttachedVolume } from "./attached_volume.ts";
import { type Attempt, jobOf, runningLimitOf } from "./attempt.ts";
import type { HostMethods } from "./host_methods.ts";
import { limitOf, type LimitWaits } from "./limit_waits.ts";
import {
  cancelledWithCaller,
  cannotRun,
  interrupted,
  notStartedOutcome,
  rateLimitedOutcome,
} from "./ends.ts";
import { AttemptRecord, type Recorded } from "./record.ts";
import { traceIdOf, type Traces } from "./trace.ts";

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
  readonly telemetry: Telemetry;
  readonly traces: Traces;
}

/** The outcome of an execution, or why it has none. */
export type ExecutionResult =
  | Recorded
  /** The slot of a synchronous invocation was not granted in time; the recorded end is durable. */
  | { readonly kind: "queue-timeout" }
  /** The rate limit kept a synchronous invocation from starting when it got its slot; the recorded end is durable. */
  | RateLimited
  | Overloaded;

/** What one attempt works with. */
interface RunningAttempt {
  readonly run: Run;
  readonly record: AttemptRecord;
  /** Aborts when the invocation that made this one has ended. */
  readonly signal: AbortSignal | undefined;
}

/** The reason of a rejection; undefined for another end. */
function rejectionOf(notStarted: NotStarted): Reason | undefined {
  if (typeof notStarted !== "string") return "OVERLOADED";
  return notStarted === "queue-timeout" ? "QUEUE_TIMEOUT" : undefined;
}

/** Runs recorded invocations: opens what a run needs, has the engine run the job, records the outcome. */
export class Executions {
  readonly #logFlushes = AttemptRecord.flushes();
  /** Of each execution under way, what rejects when something of it cannot be recorded for now. */
  readonly #unrecorded = new Map<string, Promise<never>>();

  constructor(private readonly parts: ExecutionParts) {}

  /**
   * Runs the invocation, and releases the slot once the outcome is recorded. While the store cannot write, the outcome
   * waits for the store.
   * @param signal aborts when the invocation that made this one has ended
   * @param workerSlot its claim or reservation
   */
  async run(
    attempt: Attempt,
    slot: Slot,
    signal: AbortSignal | undefined,
    workerSlot?: WorkerSlot,
  ): Promise<ExecutionResult> {
    const { engine, ownership, scheduler } = this.parts;
    const { row: { id, mode }, fn } = attempt;
    using run = engine.begin({ id, mode, signal, workerSlot }, slot);
    const unrecorded = Promise.withResolvers<never>();
    unrecorded.promise.catch(() => {});
    const record = new AttemptRecord({ ...this.parts, flushes: this.#logFlushes }, attempt, {
      // It may wait for a worker.
      startsWhenPlaced: fn.rateLimit !== null && mode === "sync" && !ownership.startsWithSlot,
      limit: runningLimitOf(attempt, ownership),
      nextOwner: ownership.ownerOf("async"),
      signal: run.signal,
      onWait: unrecorded.reject,
    });
    this.#unrecorded.set(id, unrecorded.promise);
    try {
      const notStarted = await run.start();
      if (notStarted === "left-for-next-start") return { kind: "not-run" };
      if (notStarted === undefined && attempt.lease?.isHeld === false) {
        return await this.#endLate(attempt, record);
      }
      if (notStarted === undefined) return await this.#execute(attempt, { run, record, signal });
      const outcome = notStartedOutcome(notStarted, signal, engine.queueTimeoutMs);
      const recorded = await record.finishUnstarted(outcome, rejectionOf(notStarted));
      if (record.hasFreedPermit) scheduler.wake();
      if (typeof notStarted !== "string") return notStarted;
      return notStarted === "queue-timeout" ? { kind: "queue-timeout" } : recorded;
    } catch (error) {
      const traceId = traceIdOf(attempt.row);
      logger.error("Failed to record the outcome of invocation {id}", { id, traceId, error });
      throw error;
    } finally {
      this.#unrecorded.delete(id);
    }
  }

  /**
   * Waits for the end of an execution under way.
   * @param ended resolves at that end
   * @throws STORAGE_UNAVAILABLE as soon as its record waits for the store
   */
  async recorded<T>(id: string, ended: Promise<T>): Promise<T> {
    const unrecorded = this.#unrecorded.get(id);
    return await (unrecorded === undefined ? ended : Promise.race([ended, unrecorded]));
  }

  /** Runs the attempt, and records how it ended. */
  async #execute(attempt: Attempt, parts: RunningAttempt): Promise<ExecutionResult> {
    const { record } = parts;
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
        await record.finishUnstarted(rateLimitedOutcome(), "RATE_LIMITED");
        return attempted;
      case "full":
      case "not-placed":
        return await this.#leave(attempt, parts);
    }
  }

  /** Answers what was recorded, or why none of its code ran; then nothing is recorded yet but a further attempt. */
  async #attempt(
    attempt: Attempt,
    { run, record, signal }: RunningAttempt,
  ): Promise<Recorded | Exclude<Ran, Outcome>> {
    const { hostMethods, secrets, store, snapshots, volumeLimits } = this.parts;
    const { row, limits: { timeoutMs }, live } = attempt;
    const { id: invocationId, functionId, depth } = row;
    try {
      if (row.status === "PENDING") {
        const notBegun = await this.#begin(attempt, { run, record });
        if (notBegun !== undefined) return notBegun;
      }
      record.times.grantedMs = performance.now();
      const readSecrets = () => secrets.read(functionId);
      // Secrets may have changed since its request, if it waited.
      const values = await (row.status === "PENDING" ? store.reading(readSecrets) : readSecrets());
      const attachable = { store, snapshots, limits: volumeLimits };
      await using volume = row.volumeId === null
        ? undefined
        : await AttachedVolume.open(attachable, row.volumeId, row.id);
      record.volume = volume;
      const httpRequest = live?.httpRequest;
      const releaseSlot = () => run.releaseSlot();
      httpRequest?.begin({ timeoutMs, timeoutSetting: TIMEOUT_SETTING, releaseSlot });
      const trace = this.parts.traces.ofRun(row, record.key.attempt);
      // Identifies the invocation to the operations that it calls.
      const invocation = { invocationId, functionId, depth, trace };
      const started = { attempt: record.key.attempt, trace };
      const ran = await run.execute(jobOf(attempt, started, values), {
        host: hostMethods.hostOf(invocation, {
          volume: volume?.session,
          httpRequest,
          onLog: record.log,
        }),
        onLog: record.log,
        onAssigned: (worker) => record.assign(worker),
        onPlaced: record.rules.startsWhenPlaced ? () => record.placed() : undefined,
      });
      if (ran.kind !== "success" && ran.kind !== "error") return ran;
      record.times.endedMs = performance.now();
      const outcome = httpRequest?.ended(cancelledWithCaller(ran, signal)) ?? ran;
      // The volume stays open until the outcome is durable.
      return await record.finish(cancelledWithCaller(outcome, signal), true);
    } catch (error) {
      const isUnavailable = error instanceof StorageUnavailable;
      if (isUnavailable && run.signal.reason === "INTERRUPTED") throw error;
      record.volume = undefined;
      return await record.finish(cannotRun(row, error), isUnavailable);
    }
  }

  /** Records the end of an attempt whose row was recorded too late, unless another node has taken the invocation over. */
  async #endLate({ row: { mode } }: Attempt, record: AttemptRecord): Promise<Recorded> {
    return mode === "async"
      ? await record.release()
      : await record.finishUnstarted(interrupted("its node lost its lease before it started"));
  }

  /** Records the end of an attempt that found no slot in time, or leaves it for another one. */
  async #leave(
    { row: { mode } }: Attempt,
    { run, record, signal }: RunningAttempt,
  ): Promise<ExecutionResult> {
    // Aborted while it waited; a run that is cancelled ends so.
    if (run.signal.aborted) {
      const reason = run.signal.reason === "CANCELLED" ? "cancelled" : "interrupted";
      return await record.finishUnstarted(notStartedOutcome(reason, signal, 0));
    }
    // None of its code ran, so the attempt does not count.
    if (mode === "async") return await record.release();
    const { queueTimeoutMs } = this.parts.engine;
    const outcome = notStartedOutcome("queue-timeout", signal, queueTimeoutMs);
    await record.finishUnstarted(outcome, rejectionOf("queue-timeout"));
    return { kind: "queue-timeout" };
  }

  /**
   * Starts the attempt once fewer invocations of its function run, on all nodes, than its limit allows.
   * @returns why it does not start; `full` if it had to wait for longer than the queue timeout of an invocation with a
   * caller
   */
  async #begin(
    { row: { mode, functionId } }: Attempt,
    { run, record }: Pick<RunningAttempt, "run" | "record">,
  ): Promise<NotBegun | undefined> {
    const { engine: { queueTimeoutMs }, limitWaits } = this.parts;
    const deadline = performance.now() + (mode === "sync" ? queueTimeoutMs : Infinity);
    let notBegun = await record.start();
    if (notBegun?.kind !== "full") return notBegun;
    await limitWaits.wait(limitOf(functionId), async () => {
      notBegun = await record.start();
      return notBegun?.kind !== "full";
    }, { deadline, signal: run.signal });
    return notBegun;
  }
}
