import { Lifecycle } from "../shared/lifecycle.ts";
import { ActiveRuns } from "./active_runs.ts";
import { ConcurrencyLimiter, type ConcurrencyLimits } from "./admission/concurrency_limiter.ts";
import { RejectionLog } from "./admission/rejection_log.ts";
import {
  AdmissionRejected,
  type AdmissionRequest,
  type Engine,
  type EngineLoad,
  type InvocationContext,
  type JobRunner,
  type Prewarmed,
  type Run,
  type RunRequest,
  type Slot,
} from "./contract.ts";

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
