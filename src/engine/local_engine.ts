import type { Sandboxes } from "../sandbox/contract.ts";
import { Lifecycle } from "../shared/lifecycle.ts";
import { ActiveRuns } from "./active_runs.ts";
import { ConcurrencyLimiter, type ConcurrencyLimits } from "./admission/concurrency_limiter.ts";
import { RejectionLog } from "./admission/rejection_log.ts";
import { Artifacts } from "./artifacts.ts";
import {
  AdmissionRejected,
  type AdmissionRequest,
  type ArtifactSource,
  type Engine,
  type EngineLoad,
  type InvocationContext,
  type Run,
  type RunRequest,
  type Slot,
} from "./contract.ts";
import { Runner } from "./runner.ts";

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
 * The engine of one machine: it runs every job in an instance here.
 * Modes: `open` admits calls, `draining` admits nested calls only; there is no way back.
 */
export class LocalEngine implements Engine {
  readonly #limits: EngineLimits;
  readonly #limiter: ConcurrencyLimiter;
  readonly #runner: Runner;
  readonly #rejections = new RejectionLog();
  readonly #runs = new ActiveRuns();
  readonly #lifecycle = new Lifecycle<"open" | "draining">("the engine", "open", {
    open: ["draining"],
    draining: [],
  });

  constructor(sandboxes: Sandboxes, artifacts: ArtifactSource, limits: EngineLimits) {
    this.#limits = limits;
    this.#limiter = new ConcurrencyLimiter(limits);
    this.#runner = new Runner(sandboxes, new Artifacts(artifacts));
  }

  get isOpen(): boolean {
    return this.#lifecycle.is("open");
  }

  get load(): EngineLoad {
    const { running, queued, perSecond } = this.#limiter;
    return { running, queued, perSecond };
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
    return caller.slot.nest(request);
  }

  readmit(request: AdmissionRequest): Slot {
    return this.#limiter.acquireUnbounded(request);
  }

  begin(request: RunRequest, slot: Slot): Run {
    const run = this.#runs.add(request, slot);
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
        ),
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

  async left(id: string): Promise<void> {
    await this.#runs.get(id)?.left;
  }

  prewarm(
    scripts: readonly { readonly scriptDigest: string; readonly count: number }[],
  ): Promise<void> {
    return this.#runner.prewarm(scripts);
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
