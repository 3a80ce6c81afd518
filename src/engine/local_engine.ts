/** The engine of one process, and the runs that it tracks. */
import { Lifecycle } from "../shared/lifecycle.ts";
import { untilAborted } from "../shared/pause.ts";
import { ConcurrencyLimiter, type ConcurrencyLimits } from "./admission/concurrency_limiter.ts";
import { RejectionLog } from "./admission/rejection_log.ts";
import {
  AdmissionRejected,
  type AdmissionRequest,
  type Engine,
  type EngineLoad,
  type FunctionLoad,
  type InvocationContext,
  type Job,
  type JobNeeds,
  type JobPorts,
  type JobRunner,
  type NotStarted,
  type Overloaded,
  type Prewarmed,
  type Ran,
  type RejectionReason,
  type Run,
  type RunRequest,
  type Slot,
} from "./contract.ts";
import type { Reservation } from "./worker_slots.ts";
import type { KillCode } from "../sandbox/contract.ts";

/** Limits of the engine, each a named setting in `src/config`. */
export interface EngineLimits extends ConcurrencyLimits {
  /** How long a synchronous invocation waits for its slot. */
  readonly queueTimeoutMs: number;
  /** Invocations between an invocation and the one from outside. */
  readonly maxInvokeDepth: number;
  /** Invocations of other functions that one invocation may make. */
  readonly maxInvokeFanOut: number;
}

/** Long enough for the invocations of a few seconds, at half of the throughput. */
const CATCH_UP_MS = 10_000;

/**
 * The engine of one process: it admits invocations, and has its runner run their jobs.
 *
 * Modes: `open` admits invocations; `finishing` still admits them, but starts none that has no waiting caller; `draining`
 * admits nested invocations only. There is no way back.
 */
export class LocalEngine implements Engine {
  readonly queueTimeoutMs: number;
  readonly #limiter: ConcurrencyLimiter;
  readonly #rejections = new RejectionLog();
  /** Recorded or not, by id. */
  readonly #runs = new Map<string, ActiveRun>();
  /** Claims whose invocations are being recorded. */
  readonly #claims = new Set<Promise<unknown>>();
  /** Whether a drain has waited as long as it may. */
  #isOverdue = false;
  /** The slots of nested invocations, each with the run that waits for it. */
  readonly #callers = new WeakMap<Slot, string>();
  readonly #lifecycle = new Lifecycle<"open" | "finishing" | "draining">("the engine", "open", {
    open: ["finishing", "draining"],
    finishing: ["draining"],
    draining: [],
  });

  constructor(private readonly runner: JobRunner, private readonly limits: EngineLimits) {
    this.queueTimeoutMs = limits.queueTimeoutMs;
    this.#limiter = new ConcurrencyLimiter(limits, undefined, runner);
    runner.onErrorChange(() => this.#limiter.limitsChanged());
  }

  get isOpen(): boolean {
    return this.#lifecycle.is("open");
  }

  get isAdmitting(): boolean {
    return !this.#lifecycle.is("draining");
  }

  get isBusy(): boolean {
    return this.#runs.size > 0;
  }

  get load(): EngineLoad {
    const { running, queued, perSecond } = this.#limiter;
    return { maxRunning: this.limits.maxRunning, running, queued, perSecond };
  }

  get functionLoads(): readonly FunctionLoad[] {
    return this.#limiter.functionLoads;
  }

  get error(): string | undefined {
    return this.runner.error;
  }

  admit(request: AdmissionRequest): Slot {
    if (!this.isAdmitting) throw new AdmissionRejected({ kind: "draining" });
    try {
      return this.#limiter.acquire(request);
    } catch (error) {
      this.#rejections.count(this.load);
      throw error;
    }
  }

  rejection(request: AdmissionRequest): RejectionReason | undefined {
    return this.isAdmitting ? this.#limiter.rejection(request) : { kind: "draining" };
  }

  admitNested(request: AdmissionRequest, { invocationId, depth }: InvocationContext): Slot {
    const { maxInvokeDepth: maxDepth, maxInvokeFanOut: maxNested } = this.limits;
    const caller = this.#runs.get(invocationId);
    if (caller === undefined) throw new Error(`Invocation ${invocationId} calls, but does not run`);
    if (depth >= maxDepth) throw new AdmissionRejected({ kind: "too-deep", maxDepth });
    if (caller.nestedInvocations >= maxNested) {
      throw new AdmissionRejected({ kind: "too-many-nested", maxNested });
    }
    caller.nestedInvocations++;
    const slot = caller.slot.nest(request);
    this.#callers.set(slot, invocationId);
    return slot;
  }

  catchUp(): void {
    this.#limiter.catchUp(CATCH_UP_MS);
  }

  readmit(request: AdmissionRequest): Slot {
    return this.#limiter.acquireUnbounded(request);
  }

  admitClaimed(request: AdmissionRequest): Slot {
    return this.#limiter.acquireGranted(request);
  }

  reserve(needs: JobNeeds): Reservation | undefined {
    return this.runner.reserve?.(needs);
  }

  async startClaim<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (!this.isOpen) return undefined;
    const started = work();
    this.#claims.add(started);
    try {
      return await started;
    } finally {
      this.#claims.delete(started);
    }
  }

  begin(request: RunRequest, slot: Slot): Run {
    const run = new ActiveRun(request, slot, {
      runner: this.runner,
      queueTimeoutMs: this.queueTimeoutMs,
      callerId: this.#callers.get(slot),
      runs: this.#runs,
    });
    this.#runs.set(request.id, run);
    // A drain may have begun since the admission, and may be overdue.
    if (!this.#lifecycle.is("open")) run.drain();
    if (this.#isOverdue) run.kill("INTERRUPTED");
    return run;
  }

  async cancel(id: string): Promise<boolean> {
    const run = this.#runs.get(id);
    if (run === undefined) return false;
    run.kill("CANCELLED");
    await run.left;
    return true;
  }

  interrupt(): void {
    for (const run of this.#runs.values()) run.interrupt();
  }

  has(id: string): boolean {
    return this.#runs.has(id);
  }

  async left(id: string): Promise<void> {
    await this.#runs.get(id)?.left;
  }

  prewarm(scripts: readonly Prewarmed[]): Promise<void> {
    return this.runner.prewarm(scripts);
  }

  /** A limit of running invocations may be higher now. */
  limitsChanged(): void {
    this.#limiter.limitsChanged();
  }

  async drain(timeoutMs: number, admits: boolean): Promise<void> {
    if (admits && this.isOpen) this.#lifecycle.set("finishing");
    if (!admits) this.#rejectAll();
    for (const run of this.#runs.values()) run.drain();
    const overdue = Promise.withResolvers<void>();
    const interrupt = setTimeout(() => {
      this.#isOverdue = true;
      this.#rejectAll();
      for (const run of this.#runs.values()) run.kill("INTERRUPTED");
      overdue.resolve();
    }, timeoutMs);
    await Promise.race([Promise.allSettled(this.#claims), overdue.promise]);
    // Running invocations may begin further ones meanwhile.
    while (this.#runs.size > 0) {
      await Promise.all(Array.from(this.#runs.values(), ({ left }) => left));
    }
    clearTimeout(interrupt);
  }

  #rejectAll(): void {
    if (this.isAdmitting) this.#lifecycle.set("draining");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0, false);
    this.#rejections[Symbol.dispose]();
  }
}

/** Why a run that is still queued has to end; the reason of its abort signal. */
type StopReason = KillCode | "QUEUE_TIMEOUT" | "LEFT_FOR_NEXT_START" | Overloaded;

const NOT_STARTED: Readonly<Record<Exclude<StopReason, Overloaded>, NotStarted>> = {
  CANCELLED: "cancelled",
  INTERRUPTED: "interrupted",
  QUEUE_TIMEOUT: "queue-timeout",
  LEFT_FOR_NEXT_START: "left-for-next-start",
};

/** What a run needs of its engine. */
interface RunParts {
  readonly runner: JobRunner;
  /** How long it waits for its slot where a caller waits. */
  readonly queueTimeoutMs: number;
  /** The run that waits for this one. */
  readonly callerId: string | undefined;
  /** All runs of the engine. A run removes itself when it ends. */
  readonly runs: Map<string, ActiveRun>;
}

/** One run that the engine tracks: queued until its slot is granted, and not tracked any more once it is disposed. */
class ActiveRun implements Run {
  readonly #stop = new AbortController();
  readonly signal = this.#stop.signal;
  readonly #left = Promise.withResolvers<void>();
  /** Resolves when the run was disposed. */
  readonly left = this.#left.promise;
  readonly #slotReleased = Promise.withResolvers<void>();
  #mode: "queued" | "running" | "ended" = "queued";
  /** How long its next job may wait for a worker: the first one what the slot left of the wait, a further one all of it. */
  #waitMs = Infinity;
  /** Nested invocations that it requested. */
  nestedInvocations = 0;

  constructor(
    private readonly request: RunRequest,
    readonly slot: Slot,
    private readonly parts: RunParts,
  ) {
    request.signal?.addEventListener("abort", this.#cancel, { once: true });
    if (request.signal?.aborted) this.#cancel();
  }

  async start(): Promise<NotStarted | undefined> {
    const { queueTimeoutMs } = this.parts;
    const since = performance.now();
    if (!this.slot.isGranted) await this.#waitForSlot(queueTimeoutMs);
    this.#waitMs = Math.max(0, queueTimeoutMs - (performance.now() - since));
    if (this.signal.aborted) {
      const reason = this.signal.reason as StopReason;
      return typeof reason === "string" ? NOT_STARTED[reason] : reason;
    }
    // A run that was disposed meanwhile stays ended.
    if (this.#mode === "queued") this.#mode = "running";
    return undefined;
  }

  execute(job: Job, ports: JobPorts, signal?: AbortSignal): Promise<Ran> {
    const { runner, queueTimeoutMs, callerId } = this.parts;
    const { id: runId, mode, workerSlot } = this.request;
    const waitMs = mode === "sync" ? this.#waitMs : undefined;
    this.#waitMs = queueTimeoutMs;
    const either = signal === undefined ? this.signal : AbortSignal.any([this.signal, signal]);
    const slotReleased = this.#slotReleased.promise;
    return runner.run(job, ports, either, { runId, callerId, waitMs, workerSlot, slotReleased });
  }

  releaseSlot(): void {
    this.slot[Symbol.dispose]();
    this.#slotReleased.resolve();
  }

  /** Ends the run with all that runs for it. */
  kill(code: KillCode): void {
    this.#stop.abort(code);
  }

  /** Ends the run as `INTERRUPTED:` if it runs; one that is queued stays so. */
  interrupt(): void {
    if (this.#mode === "running") this.kill("INTERRUPTED");
  }

  /**
   * The server stops: queued invocations without a caller stay recorded for the next start. A claimed invocation runs
   * already.
   */
  drain(): void {
    const { mode, workerSlot } = this.request;
    if (mode === "async" && workerSlot === undefined && this.#mode === "queued") {
      this.#stop.abort("LEFT_FOR_NEXT_START" satisfies StopReason);
    }
  }

  [Symbol.dispose](): void {
    if (this.#mode === "ended") return;
    this.#mode = "ended";
    this.request.signal?.removeEventListener("abort", this.#cancel);
    this.slot[Symbol.dispose]();
    const { workerSlot } = this.request;
    if (workerSlot !== undefined && Symbol.dispose in workerSlot) workerSlot[Symbol.dispose]();
    this.parts.runs.delete(this.request.id);
    this.#left.resolve();
  }

  async #waitForSlot(timeoutMs: number): Promise<void> {
    const timer = this.request.mode === "sync"
      ? setTimeout(() => this.#stop.abort("QUEUE_TIMEOUT" satisfies StopReason), timeoutMs)
      : undefined;
    this.slot.onOverdue = (overdue) =>
      this.#stop.abort({ kind: "overloaded", overdue } satisfies StopReason);
    await untilAborted(this.slot.granted, this.signal);
    this.slot.onOverdue = undefined;
    clearTimeout(timer);
  }

  readonly #cancel = () => this.kill("CANCELLED");
}
