/** The engine of one process, and the runs that it tracks. */
import { Lifecycle } from "../shared/lifecycle.ts";
import { ConcurrencyLimiter, type ConcurrencyLimits } from "./admission/concurrency_limiter.ts";
import { RejectionLog } from "./admission/rejection_log.ts";
import {
  AdmissionRejected,
  type AdmissionRequest,
  type Engine,
  type EngineLoad,
  type InvocationContext,
  type JobRunner,
  type NotStarted,
  type Overloaded,
  type Prewarmed,
  type Run,
  type RunRequest,
  type Slot,
} from "./contract.ts";
import type { KillCode } from "../sandbox/contract.ts";

/** Limits of the engine, each a named setting in `src/config`. */
export interface EngineLimits extends ConcurrencyLimits {
  /** How long a synchronous call waits for its slot. */
  readonly queueTimeoutMs: number;
  /** Calls between an invocation and the call from outside. */
  readonly maxInvokeDepth: number;
  /** Calls of other functions that one invocation may make. */
  readonly maxInvokeFanOut: number;
}

/**
 * The engine of one process: it admits calls, and has its runner run their jobs.
 * Modes: `open` admits calls, `draining` admits nested calls only; there is no way back.
 */
export class LocalEngine implements Engine {
  readonly #limits: EngineLimits;
  readonly #limiter: ConcurrencyLimiter;
  readonly #runner: JobRunner;
  readonly #rejections = new RejectionLog();
  readonly #runs = new ActiveRuns();
  /** Of the slots of nested calls, the runs that wait for them. */
  readonly #callers = new WeakMap<Slot, string>();
  readonly #lifecycle = new Lifecycle<"open" | "draining">("the engine", "open", {
    open: ["draining"],
    draining: [],
  });

  constructor(runner: JobRunner, limits: EngineLimits) {
    this.#limits = limits;
    this.#limiter = new ConcurrencyLimiter(limits, undefined, () => runner.fault === undefined);
    this.#runner = runner;
    runner.onFaultChange(() => this.#limiter.limitsChanged());
  }

  get isOpen(): boolean {
    return this.#lifecycle.is("open");
  }

  get load(): EngineLoad {
    const { running, queued, perSecond } = this.#limiter;
    return { maxRunning: this.#limits.maxRunning, running, queued, perSecond };
  }

  get fault(): string | undefined {
    return this.#runner.fault;
  }

  get queueTimeoutMs(): number {
    return this.#limits.queueTimeoutMs;
  }

  admit(request: AdmissionRequest): Slot {
    if (!this.isOpen) throw new AdmissionRejected({ kind: "draining" });
    try {
      return this.#limiter.acquire(request);
    } catch (error) {
      this.#rejections.count(this.load);
      throw error;
    }
  }

  admitNested(request: AdmissionRequest, { invocationId, depth }: InvocationContext): Slot {
    const { maxInvokeDepth: maxDepth, maxInvokeFanOut: maxNested } = this.#limits;
    const caller = this.#runs.get(invocationId);
    if (caller === undefined) throw new Error(`Invocation ${invocationId} calls, but does not run`);
    if (depth >= maxDepth) throw new AdmissionRejected({ kind: "too-deep", maxDepth });
    if (caller.nestedCalls >= maxNested) {
      throw new AdmissionRejected({ kind: "too-many-nested", maxNested });
    }
    caller.nestedCalls++;
    const slot = caller.slot.nest(request);
    this.#callers.set(slot, invocationId);
    return slot;
  }

  readmit(request: AdmissionRequest): Slot {
    return this.#limiter.acquireUnbounded(request);
  }

  admitClaimed(request: AdmissionRequest): Slot {
    return this.#limiter.acquireGranted(request);
  }

  begin(request: RunRequest, slot: Slot): Run {
    const run = this.#runs.add(request, slot);
    const slotReleased = Promise.withResolvers<void>();
    // A drain may have begun since the admission.
    if (!this.isOpen) run.drain();
    return {
      signal: run.signal,
      start: () => run.start(this.#limits.queueTimeoutMs),
      execute: (job, ports, signal) =>
        this.#runner.run(
          job,
          ports,
          signal === undefined ? run.signal : AbortSignal.any([run.signal, signal]),
          {
            runId: request.id,
            callerId: this.#callers.get(slot),
            waitMs: request.mode === "sync" ? run.takeWaitMs() : undefined,
            claim: request.claim,
            slotReleased: slotReleased.promise,
          },
        ),
      releaseSlot: () => {
        slot[Symbol.dispose]();
        slotReleased.resolve();
      },
      [Symbol.dispose]: () => run[Symbol.dispose](),
    };
  }

  async cancel(id: string): Promise<boolean> {
    const run = this.#runs.get(id);
    if (run === undefined) return false;
    run.kill("CANCELLED");
    await run.left;
    return true;
  }

  interrupt(): void {
    this.#runs.interrupt();
  }

  has(id: string): boolean {
    return this.#runs.get(id) !== undefined;
  }

  async left(id: string): Promise<void> {
    await this.#runs.get(id)?.left;
  }

  prewarm(scripts: readonly Prewarmed[]): Promise<void> {
    return this.#runner.prewarm(scripts);
  }

  compile(scriptDigest: string): Promise<void> {
    return this.#runner.compile(scriptDigest);
  }

  /** A limit of running calls may be higher now. */
  limitsChanged(): void {
    this.#limiter.limitsChanged();
  }

  async drain(timeoutMs: number): Promise<void> {
    if (this.isOpen) this.#lifecycle.set("draining");
    await this.#runs.drain(timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0);
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

/**
 * One run that the engine tracks. Modes: `queued` until its slot is granted, `running`, `ended` once it is disposed.
 */
class ActiveRun implements Disposable {
  readonly #request: RunRequest;
  readonly #onEnd: (id: string) => void;
  readonly #stop = new AbortController();
  readonly #left = Promise.withResolvers<void>();
  readonly #lifecycle = new Lifecycle<"queued" | "running" | "ended">("a run", "queued", {
    queued: ["running", "ended"],
    running: ["ended"],
    ended: [],
  });
  readonly slot: Slot;
  /** What is left of the wait for a slot. */
  #waitMs = Infinity;
  #queueTimeoutMs = Infinity;
  /** Nested calls that it requested. */
  nestedCalls = 0;

  constructor(request: RunRequest, slot: Slot, onEnd: (id: string) => void) {
    this.#request = request;
    this.slot = slot;
    this.#onEnd = onEnd;
    request.signal?.addEventListener("abort", this.#cancel, { once: true });
    if (request.signal?.aborted) this.#cancel();
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Resolves when the run was disposed. */
  get left(): Promise<void> {
    return this.#left.promise;
  }

  /** Waits for the slot, at most `queueTimeoutMs` where a caller waits. */
  async start(queueTimeoutMs: number): Promise<NotStarted | undefined> {
    const since = performance.now();
    if (!this.slot.isGranted) await this.#waitForSlot(queueTimeoutMs);
    this.#waitMs = Math.max(0, queueTimeoutMs - (performance.now() - since));
    this.#queueTimeoutMs = queueTimeoutMs;
    if (this.signal.aborted) {
      const reason = this.signal.reason as StopReason;
      return typeof reason === "string" ? NOT_STARTED[reason] : reason;
    }
    this.#lifecycle.set("running");
    return undefined;
  }

  /** How long a job may wait for a worker: the first one what the slot left of the wait, a further one all of it. */
  takeWaitMs(): number {
    const waitMs = this.#waitMs;
    this.#waitMs = this.#queueTimeoutMs;
    return waitMs;
  }

  /** Ends the run with all that runs for it. */
  kill(code: KillCode): void {
    this.#stop.abort(code);
  }

  /** Ends the run as `INTERRUPTED:` if it runs; one that is queued stays so. */
  interrupt(): void {
    if (this.#lifecycle.is("running")) this.kill("INTERRUPTED");
  }

  /** The server stops: what is queued without a caller stays recorded for the next start. */
  drain(): void {
    if (this.#request.mode === "async" && this.#lifecycle.is("queued")) {
      this.#stop.abort("LEFT_FOR_NEXT_START" satisfies StopReason);
    }
  }

  [Symbol.dispose](): void {
    if (this.#lifecycle.is("ended")) return;
    this.#lifecycle.set("ended");
    this.#request.signal?.removeEventListener("abort", this.#cancel);
    this.slot[Symbol.dispose]();
    this.#onEnd(this.#request.id);
    this.#left.resolve();
  }

  async #waitForSlot(timeoutMs: number): Promise<void> {
    const timer = this.#request.mode === "sync"
      ? setTimeout(() => this.#stop.abort("QUEUE_TIMEOUT" satisfies StopReason), timeoutMs)
      : undefined;
    this.slot.onOverdue = (overdue) =>
      this.#stop.abort({ kind: "overloaded", overdue } satisfies StopReason);
    await Promise.race([this.slot.granted, aborted(this.signal)]);
    this.slot.onOverdue = undefined;
    clearTimeout(timer);
  }

  readonly #cancel = () => this.kill("CANCELLED");
}

/** The runs of one engine, recorded or not. */
class ActiveRuns {
  readonly #runs = new Map<string, ActiveRun>();

  get(id: string): ActiveRun | undefined {
    return this.#runs.get(id);
  }

  add(request: RunRequest, slot: Slot): ActiveRun {
    const run = new ActiveRun(request, slot, (id) => this.#runs.delete(id));
    this.#runs.set(request.id, run);
    return run;
  }

  /** Interrupts every run that has its slot. */
  interrupt(): void {
    for (const run of this.#runs.values()) run.interrupt();
  }

  /** Drains every run, and kills those that have not ended after `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    for (const run of this.#runs.values()) run.drain();
    const interrupt = setTimeout(() => {
      for (const run of this.#runs.values()) run.kill("INTERRUPTED");
    }, timeoutMs);
    // Running invocations may begin further ones meanwhile.
    while (this.#runs.size > 0) {
      await Promise.all(Array.from(this.#runs.values(), ({ left }) => left));
    }
    clearTimeout(interrupt);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}
