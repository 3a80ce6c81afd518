import { getLogger } from "@logtape/logtape";
import { formatDuration } from "../config/mod.ts";
import type { KillWord, Sandboxes, SandboxOutcome } from "../sandbox/contract.ts";
import type { InvocationEnd } from "../store/invocations.ts";
import type { Store } from "../store/mod.ts";
import { Artifacts } from "./artifacts.ts";
import {
  AdmissionRejected,
  type AdmissionRequest,
  type CallingInvocation,
  CannotOpenSession,
  type Engine,
  type EngineLoad,
  type InvocationSubscription,
  type Job,
  QueueTimedOut,
  type Slot,
  type UnrecordedRun,
} from "./contract.ts";
import { InvocationNotifier } from "./notifier.ts";
import { ConcurrencyLimiter, type ConcurrencyLimits } from "./admission/concurrency_limiter.ts";
import { Recorder } from "./recorder.ts";
import { RejectionLog } from "./admission/rejection_log.ts";

const logger = getLogger(["invoked", "engine"]);

/** Limits of the engine, each a named setting in `src/config`. */
export interface EngineLimits extends ConcurrencyLimits {
  readonly timeoutMs: number;
  /** How long a synchronous job waits for its turn. */
  readonly queueTimeoutMs: number;
  /** Calls between an invocation and the call from outside that it goes back to. */
  readonly maxInvokeDepth: number;
  /** Calls of other functions that one invocation may make. */
  readonly maxInvokeFanOut: number;
}

/** What a shutdown says to an asynchronous job that has not started: stay recorded, run later. */
const LEAVE_FOR_NEXT_START = "LEAVE_FOR_NEXT_START";

/** Why a synchronous job is given up before it started. */
const QUEUE_TIMEOUT = "QUEUE_TIMEOUT";

/** How a nested job ends that was cancelled because nobody waits for it any more. */
const CANCELLED_WITH_CALLER: InvocationEnd = {
  status: "ERROR",
  error: "CANCELLED: the invocation that called it has ended",
};

interface Live {
  readonly mode: Job["mode"];
  phase: "waiting" | "running";
  readonly controller: AbortController;
  readonly left: Promise<void>;
  readonly place: Slot;
  /** Nested calls that it has asked for. */
  nestedCalls: number;
}

/**
 * Runs jobs in sandboxes of this machine.
 * Modes: `open` takes jobs, `draining` takes none; there is no way back.
 */
export class LocalEngine implements Engine {
  readonly #store: Store;
  readonly #sandboxes: Sandboxes;
  readonly #limits: EngineLimits;
  readonly #places: ConcurrencyLimiter;
  readonly #artifacts: Artifacts;
  readonly #feed = new InvocationNotifier();
  readonly #refusals = new RejectionLog();
  readonly #live = new Map<string, Live>();
  #mode: "open" | "draining" = "open";

  constructor(store: Store, sandboxes: Sandboxes, limits: EngineLimits) {
    this.#store = store;
    this.#sandboxes = sandboxes;
    this.#limits = limits;
    this.#places = new ConcurrencyLimiter(limits);
    this.#artifacts = new Artifacts(store.commitBlobs);
  }

  get open(): boolean {
    return this.#mode === "open";
  }

  get load(): EngineLoad {
    const { running, queued: waiting, perSecond } = this.#places;
    return { running, waiting, perSecond };
  }

  admit(call: AdmissionRequest): Slot {
    if (this.#mode === "draining") throw new AdmissionRejected({ kind: "draining" });
    try {
      return this.#places.acquire(call);
    } catch (error) {
      this.#refusals.count(this.load);
      throw error;
    }
  }

  admitNested(call: AdmissionRequest, caller: CallingInvocation): Slot {
    const { maxInvokeDepth: maxDepth, maxInvokeFanOut: maxNested } = this.#limits;
    const live = this.#live.get(caller.id);
    if (live === undefined) throw new Error(`Invocation ${caller.id} calls, but does not run`);
    if (caller.depth >= maxDepth) throw new AdmissionRejected({ kind: "too-deep", maxDepth });
    if (live.nestedCalls >= maxNested) {
      throw new AdmissionRejected({ kind: "too-many-nested", maxNested });
    }
    live.nestedCalls++;
    return live.place.nest(call);
  }

  readmit(call: AdmissionRequest): Slot {
    return this.#places.acquireUnbounded(call);
  }

  async submit(job: Job, place: Slot): Promise<InvocationEnd | undefined> {
    using held = place;
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    const live: Live = {
      mode: job.mode,
      phase: "waiting",
      controller: new AbortController(),
      left,
      place: held,
      nestedCalls: 0,
    };
    this.#live.set(job.invocationId, live);
    const callerEnded = () => live.controller.abort("CANCELLED" satisfies KillWord);
    job.caller?.signal.addEventListener("abort", callerEnded, { once: true });
    if (job.caller?.signal.aborted) callerEnded();
    // A drain may have begun between the admission and now.
    if (this.#mode === "draining") this.#askToStop(live);
    try {
      const recorder = new Recorder(this.#store, this.#feed, job.invocationId);
      const end = await this.#execute(job, held, live, recorder);
      if (live.controller.signal.reason === QUEUE_TIMEOUT) {
        throw new QueueTimedOut(this.#limits.queueTimeoutMs);
      }
      return end;
    } catch (error) {
      if (error instanceof QueueTimedOut) throw error;
      const { invocationId } = job;
      logger.error("Cannot record the end of invocation {invocationId}", { invocationId, error });
      throw error;
    } finally {
      job.caller?.signal.removeEventListener("abort", callerEnded);
      this.#live.delete(job.invocationId);
      leave();
    }
  }

  async runUnrecorded<T>(
    id: string,
    place: Slot,
    signal: AbortSignal,
    work: (trial: UnrecordedRun) => Promise<T>,
  ): Promise<T> {
    using held = place;
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    const controller = new AbortController();
    const live: Live = {
      mode: "sync",
      phase: "waiting",
      controller,
      left,
      place: held,
      nestedCalls: 0,
    };
    const cancel = () => controller.abort("CANCELLED" satisfies KillWord);
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    this.#live.set(id, live);
    try {
      await this.#awaitTurn(held, live);
      if (controller.signal.reason === QUEUE_TIMEOUT) {
        throw new QueueTimedOut(this.#limits.queueTimeoutMs);
      }
      live.phase = "running";
      return await work({
        signal: controller.signal,
        run: async ({ scriptDigest, sourceMapDigest, ...job }, hooks) =>
          await this.#sandboxes.run({
            ...job,
            script: await this.#artifacts.script(scriptDigest),
            sourceMap: () => this.#artifacts.text(sourceMapDigest),
          }, hooks),
        text: (digest) => this.#artifacts.text(digest),
      });
    } finally {
      signal.removeEventListener("abort", cancel);
      this.#live.delete(id);
      leave();
    }
  }

  async cancel(invocationId: string): Promise<boolean> {
    const live = this.#live.get(invocationId);
    if (live === undefined) return false;
    live.controller.abort("CANCELLED" satisfies KillWord);
    await live.left;
    return true;
  }

  async left(invocationId: string): Promise<void> {
    await this.#live.get(invocationId)?.left;
  }

  subscribe(invocationId: string): InvocationSubscription {
    return this.#feed.follow(invocationId);
  }

  async provision(
    provisioned: readonly { readonly scriptDigest: string; readonly count: number }[],
  ): Promise<void> {
    this.#sandboxes.provision(
      await Promise.all(provisioned.map(async ({ scriptDigest, count }) => {
        return { key: scriptDigest, script: await this.#artifacts.script(scriptDigest), count };
      })),
    );
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#mode = "draining";
    for (const live of this.#live.values()) this.#askToStop(live);
    const interrupt = setTimeout(() => {
      for (const { controller } of this.#live.values()) {
        controller.abort("INTERRUPTED" satisfies KillWord);
      }
    }, timeoutMs);
    while (this.#live.size > 0) {
      await Promise.all(Array.from(this.#live.values(), ({ left }) => left));
    }
    clearTimeout(interrupt);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0);
    this.#refusals[Symbol.dispose]();
  }

  #askToStop(live: Live): void {
    if (live.mode === "async" && live.phase === "waiting") {
      live.controller.abort(LEAVE_FOR_NEXT_START);
    }
  }

  /** Waits for the turn of a job, or until it is aborted; a synchronous one by its own patience as well. */
  async #awaitTurn(place: Slot, { mode, controller }: Live): Promise<void> {
    const timer = mode === "sync"
      ? setTimeout(() => controller.abort(QUEUE_TIMEOUT), this.#limits.queueTimeoutMs)
      : undefined;
    await Promise.race([place.granted, aborted(controller.signal)]);
    clearTimeout(timer);
  }

  async #execute(
    job: Job,
    place: Slot,
    live: Live,
    recorder: Recorder,
  ): Promise<InvocationEnd | undefined> {
    const { signal } = live.controller;
    await this.#awaitTurn(place, live);
    if (signal.aborted) {
      const end = endBeforeStart(signal.reason, job, this.#limits);
      return end === undefined ? undefined : await recorder.finish(end);
    }
    live.phase = "running";
    try {
      if (job.recordedAs === "PENDING" && !await recorder.start()) return undefined;
      const script = await this.#artifacts.script(job.scriptDigest);
      await using session = await job.openSession();
      const outcome = await this.#sandboxes.run({
        script,
        scriptKey: job.scriptDigest,
        ...job.reuseKey === undefined ? {} : { reuseKey: job.reuseKey },
        sourceMap: () => this.#artifacts.text(job.sourceMapDigest),
        inputJson: job.inputJson,
        outboundAllowlist: job.outboundAllowlist,
        config: session.config,
        host: session.host,
        timeoutMs: this.#limits.timeoutMs,
      }, { onLog: (log) => recorder.log(log), signal });
      // Within the session: what it holds must last until the end is durable.
      const end = endOf(outcome, job);
      return await recorder.finish(end, await session.conclude(end));
    } catch (error) {
      return await recorder.finish({ status: "ERROR", error: this.#cannotRun(job, error) });
    }
  }

  #cannotRun({ invocationId }: Job, error: unknown): string {
    if (error instanceof CannotOpenSession) {
      return `INTERRUPTED: it could not run: ${error.message}`;
    }
    logger.error("Cannot run invocation {invocationId}", { invocationId, error });
    return "INTERRUPTED: the server could not run it; its log says why";
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}

function endBeforeStart(
  reason: KillWord | typeof LEAVE_FOR_NEXT_START | typeof QUEUE_TIMEOUT,
  { caller }: Job,
  { queueTimeoutMs }: EngineLimits,
): InvocationEnd | undefined {
  switch (reason) {
    case LEAVE_FOR_NEXT_START:
      return undefined;
    case QUEUE_TIMEOUT:
      return {
        status: "ERROR",
        error: `CANCELLED: the invocation waited longer for its turn than the limit of ${
          formatDuration(queueTimeoutMs)
        } (--queue-timeout); nothing of it ran`,
      };
    case "CANCELLED":
      if (caller?.signal.aborted) return CANCELLED_WITH_CALLER;
      return {
        status: "ERROR",
        error: "CANCELLED: the invocation was cancelled before it started",
      };
    case "INTERRUPTED":
      return { status: "ERROR", error: "INTERRUPTED: the server stopped before it started" };
  }
}

function endOf(outcome: SandboxOutcome, { caller }: Job): InvocationEnd {
  if (outcome.kind === "error" && outcome.word === "CANCELLED" && caller?.signal.aborted) {
    return CANCELLED_WITH_CALLER;
  }
  return outcome.kind === "success"
    ? { status: "SUCCESS", output: outcome.outputJson }
    : { status: "ERROR", error: `${outcome.word}: ${outcome.message}` };
}
