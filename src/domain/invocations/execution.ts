import { getLogger } from "@logtape/logtape";
import {
  type CallQueue,
  type Claim,
  type Engine,
  NotPlaced,
  type Outcome,
  type Overloaded,
  type Run,
  type Slot,
} from "../../engine/contract.ts";
import type { InvocationNotifier } from "../../engine/notifier.ts";
import {
  type NotBegun,
  type RateLimited,
  type Recorded,
  Recorder,
  type Repeat,
} from "../../engine/recorder.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import { StorageUnavailable } from "../../store/storage_health.ts";
import { pause } from "../../shared/pause.ts";
import { configOf } from "../functions/variables.ts";
import type { Secrets } from "../functions/secrets.ts";
import type { Node } from "../nodes/node.ts";
import type { Scheduler } from "../scheduling/scheduler.ts";
import type { Snapshots } from "../volumes/snapshots.ts";
import type { VolumeLimits } from "../volumes/write_set.ts";
import { AttachedVolume } from "./attached_volume.ts";
import { type Attempt, contextOf, jobOf, ownConcurrencyOf, variablesOf } from "./attempt.ts";
import type { HostMethods } from "./host_methods.ts";
import {
  cancelledWithCaller,
  cannotRun,
  notStartedOutcome,
  rateLimitedOutcome,
} from "./outcomes.ts";
import { RateLimitReached, StoredRecord, Superseded } from "./record.ts";
import { type PatientWrite, patientWriter } from "./patient_write.ts";
import { Timeline } from "./timeline.ts";

const logger = getLogger(["invoked", "domain"]);

/** Shortest pause before a call looks again whether its function may run another one, on any node. */
const FULL_RETRY_MS = 50;

/** What sets the wall-clock time of a call. */
const TIMEOUT_SETTING = "timeout of the function, or --invocation-timeout";

/** What an execution works with. */
interface ExecutionParts {
  /** Hands calls without a caller to workers; undefined if they run in this process alone. */
  readonly queue?: CallQueue | undefined;
  readonly store: Store;
  readonly engine: Engine;
  readonly node: Node;
  readonly notifier: InvocationNotifier;
  readonly scheduler: Scheduler;
  readonly secrets: Secrets;
  readonly snapshots: Snapshots;
  readonly hostMethods: HostMethods;
  readonly volumeLimits: VolumeLimits;
}

/** The outcome of an execution, or why it has none. */
export type ExecutionResult =
  /** The outcome is durable. */
  | { readonly kind: "recorded"; readonly outcome: Outcome }
  /** The slot of a synchronous call was not granted in time; that end is durable. */
  | { readonly kind: "queue-timeout" }
  /** The rate limit kept a synchronous call from its start when it got its slot; that end is durable. */
  | RateLimited
  | Overloaded
  /** Another attempt follows: the row waits as PENDING, with the number of the last one. */
  | Repeat
  /** A shutdown leaves the invocation for the next start, it had ended meanwhile, or another node took it over. */
  | { readonly kind: "not-run" };

/** Runs recorded invocations: opens what a run needs, has the engine run the job, records the outcome. */
export class Executions {
  readonly #logFlushes = Recorder.flushes();
  /** Of each execution under way, what rejects when something of it cannot be recorded for now. */
  readonly #unrecorded = new Map<string, PromiseWithResolvers<never>>();

  constructor(private readonly parts: ExecutionParts) {}

  /**
   * Runs the invocation, and releases the slot once the outcome is recorded. While the store cannot write, the outcome
   * waits for it.
   * @param signal aborts when the invocation that made this call has ended
   * @param claim of the worker that runs it
   */
  async run(
    attempt: Attempt,
    slot: Slot,
    signal: AbortSignal | undefined,
    claim?: Claim,
  ): Promise<ExecutionResult> {
    const { store, engine, node, notifier, queue, scheduler } = this.parts;
    const { row: { id, mode, owner } } = attempt;
    const timeline = new Timeline(attempt.live?.receivedMs);
    using run = engine.begin({ id, mode, signal, claim }, slot);
    using unrecorded = this.#trackUnrecorded(id);
    const record = new StoredRecord(
      store,
      attempt,
      {
        startsWhenPlaced: startsWhenPlaced(attempt, queue),
        // The limiter of a node alone has counted them.
        runningMax: node.isShared ? ownConcurrencyOf(attempt) : undefined,
        nextOwner: queue === undefined ? owner : null,
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
      logger.error("Cannot record the outcome of invocation {id}", { id, error });
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

  async #execute(
    attempt: Attempt,
    { run, record, recorder, write, signal, timeline }: {
      readonly timeline: Timeline;
      readonly run: Run;
      readonly record: StoredRecord;
      readonly recorder: Recorder;
      readonly write: PatientWrite;
      readonly signal: AbortSignal | undefined;
    },
  ): Promise<ExecutionResult> {
    const { hostMethods, secrets } = this.parts;
    const { row, limits: { timeoutMs }, live } = attempt;
    const invocation = contextOf(attempt);
    try {
      if (row.status === "PENDING") {
        const begun = await this.#begin(attempt, { run, recorder, write });
        if (begun === "over") return { kind: "not-run" };
        if (begun === "full") throw new NotPlaced("its function runs as many calls as it may");
        if (begun !== "started") return await this.#notBegun(begun, recorder, write);
      }
      timeline.granted();
      const config = configOf(await secrets.read(row.functionId), variablesOf(attempt));
      await using volume = await this.#attach(row);
      record.volume = volume;
      const exchange = live?.exchange;
      const releaseSlot = () => run.releaseSlot();
      exchange?.begin({ timeoutMs, timeoutSetting: TIMEOUT_SETTING, releaseSlot });
      const ran = await run.execute({ ...jobOf(attempt, record.number), config }, {
        host: hostMethods.hostOf(invocation, { volume: volume?.session, exchange }),
        onLog: (log) => recorder.log(log),
        onAssigned: (worker) => record.assign(worker),
        onPlaced: startsWhenPlaced(attempt, this.parts.queue) ? () => record.placed() : undefined,
      });
      timeline.ended();
      const outcome = exchange?.ended(cancelledWithCaller(ran, signal)) ?? ran;
      // The volume stays open until the outcome is durable.
      return resultOf(
        await write(() => recorder.finish(cancelledWithCaller(outcome, signal), true)),
      );
    } catch (error) {
      const isUnavailable = error instanceof StorageUnavailable;
      if (isUnavailable && run.signal.reason === "INTERRUPTED") throw error;
      record.volume = undefined;
      if (error instanceof Superseded) return { kind: "not-run" };
      if (error instanceof RateLimitReached) {
        return await this.#notBegun(error.limited, recorder, write);
      }
      if (error instanceof NotPlaced) {
        // Aborted while it waited; a run that is cancelled ends so.
        if (run.signal.aborted) {
          const reason = run.signal.reason === "CANCELLED" ? "cancelled" : "interrupted";
          const outcome = notStartedOutcome(reason, signal, 0);
          return resultOf(await write(() => recorder.finish(outcome)));
        }
        if (row.mode === "async") {
          // None of its code ran, so the attempt does not count.
          return resultOf(await write(() => recorder.release()));
        }
        const { queueTimeoutMs } = this.parts.engine;
        await write(() =>
          recorder.finish(notStartedOutcome("queue-timeout", signal, queueTimeoutMs))
        );
        return { kind: "queue-timeout" };
      }
      const outcome = cannotRun(invocation, error);
      return resultOf(await write(() => recorder.finish(outcome, isUnavailable)));
    }
  }

  /**
   * Starts the attempt, as soon as fewer calls of its function run, on all nodes, than may.
   * @returns `full` if they did not within the queue timeout of a call with a caller
   */
  async #begin(
    { row: { mode } }: Attempt,
    { run, recorder, write }: {
      readonly run: Run;
      readonly recorder: Recorder;
      readonly write: PatientWrite;
    },
  ): Promise<"started" | NotBegun> {
    const { queueTimeoutMs } = this.parts.engine;
    const deadline = performance.now() + (mode === "sync" ? queueTimeoutMs : Infinity);
    for (;;) {
      const begun = await write(() => recorder.start());
      if (begun !== "full" || run.signal.aborted || performance.now() >= deadline) return begun;
      await pause(FULL_RETRY_MS * (1 + Math.random()), run.signal);
    }
  }

  /** Ends a call whose caller waits, and which the rate limit keeps from its start; another one waits in the line. */
  async #notBegun(
    begun: Repeat | RateLimited,
    recorder: Recorder,
    write: PatientWrite,
  ): Promise<ExecutionResult> {
    if (begun.kind === "rate-limited") {
      await write(() => recorder.finish(rateLimitedOutcome()));
    }
    return begun;
  }

  async #attach({ id, volumeId }: InvocationRow): Promise<AttachedVolume | undefined> {
    const { store, snapshots, volumeLimits: limits } = this.parts;
    if (volumeId === null) return undefined;
    return await AttachedVolume.open({ store, snapshots, limits }, volumeId, id);
  }
}

/** Whether an attempt counts against the rate limit once it has its slot where it runs: it may wait for a worker. */
function startsWhenPlaced(
  { row: { mode }, fn }: Attempt,
  queue: CallQueue | undefined,
): boolean {
  return fn.rateLimit !== null && mode === "sync" && queue !== undefined;
}

/** Undefined is an outcome that was not recorded: the invocation had ended, or another node took it over. */
function resultOf(recorded: Recorded): ExecutionResult {
  if (recorded === undefined) return { kind: "not-run" };
  return recorded.kind === "repeat" ? recorded : { kind: "recorded", outcome: recorded };
}
