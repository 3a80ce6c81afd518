/**
 * Gives each invocation an instance, and runs it there: in a fork if a tree serves, else in a process that is spawned
 * for it.
 */
import { getLogger } from "@logtape/logtape";
import { ByteBudget } from "../../shared/byte_budget.ts";
import { Lazy } from "../../shared/lazy.ts";
import {
  type ForkStatus,
  type KillCode,
  type LoadReport,
  NoInstance,
  type Provisioned,
  type ReportedScript,
  type RunHooks,
  type Sandboxes,
  type SandboxJob,
  type SandboxLimits,
  type SandboxOutcome,
} from "../contract.ts";
import { probeForks } from "../diagnostics/probe.ts";
import { type Instance, type InstanceHooks, JobNotAccepted } from "../instance/instance.ts";
import type { Loaded } from "../instance/frames.ts";
import { CGROUPS_DESCRIPTION, type RunLimits, runLimits } from "../instance/process.ts";
import { killCodeOf, killed } from "../instance/outcome.ts";
import { REPLIES_CONTENT_MAX_BYTES } from "../instance/replies.ts";
import type { StackMapReader } from "../../shared/stack.ts";
import { choiceOf } from "../tree/script_source.ts";
import type { Trees } from "../tree/trees.ts";
import { Availability, Crashes } from "./availability.ts";
import { prepare, type Prepared, type SandboxOptions } from "./prepare.ts";
import { processKeyOf, Reuse } from "./reuse.ts";

const logger = getLogger(["invoked", "sandbox"]);

/** How runs end with their sandboxes. */
const STOPPED: KillCode = "INTERRUPTED";
/** Instances that are tried for one invocation. Larger than a pool, whose instances may all die at once. */
const INSTANCES_PER_INVOCATION_MAX = 10;
/** Instances that one invocation may fail to start while others start: then the invocation itself is the cause. */
const START_ATTEMPTS_MAX = 3;
/** How often the pool looks whether what instances need is still there: a cleaner of old files may have removed it. */
const LOOK_INTERVAL_MS = 5_000;

/** The sandboxes of one server. It prepares and starts at the first need. */
export class Pool implements Sandboxes {
  readonly #crashes = new Crashes();
  readonly #availability = new Availability(() => this.#probe());
  readonly #reuse: Reuse;
  readonly #replyBudget = new ByteBudget(REPLIES_CONTENT_MAX_BYTES);
  readonly #preparing = new Lazy(() => this.#prepare());
  readonly #starting = new Lazy(() => this.#start());
  #prepared: Prepared | undefined;
  /** Undefined before the preparation, and if instances cannot be forked. */
  #trees: Trees | undefined;
  #hasStarted = false;
  #isStopping = false;
  /** Each with what ends it. */
  readonly #runs = new Map<Promise<SandboxOutcome>, AbortController>();
  #provisioned: readonly Provisioned[] = [];
  forkError: string | undefined;
  #looks: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly limits: SandboxLimits, private readonly options: SandboxOptions) {
    this.#reuse = new Reuse(options.reuse);
  }

  /**
   * Starts the tree of the default memory class. Resolves once it serves, or once the first spawned instance waits where no
   * tree can serve.
   */
  async start(): Promise<void> {
    await this.#starting.get();
  }

  async run(job: SandboxJob, hooks: RunHooks): Promise<SandboxOutcome> {
    // AbortSignal.any would take 8 µs.
    const ending = new AbortController();
    const onAbort = () => ending.abort(hooks.signal.reason);
    if (hooks.signal.aborted) onAbort();
    if (this.#isStopping) ending.abort(STOPPED);
    hooks.signal.addEventListener("abort", onAbort, { once: true });
    const { signal } = ending;
    const running = this.#run(job, { ...hooks, replyBudget: this.#replyBudget, signal });
    this.#runs.set(running, ending);
    try {
      return await running;
    } finally {
      this.#runs.delete(running);
      hooks.signal.removeEventListener("abort", onAbort);
    }
  }

  async #run(job: SandboxJob, hooks: InstanceHooks): Promise<SandboxOutcome> {
    const { signal, waitMs = Infinity } = hooks;
    if (signal.aborted) return killed(killCodeOf(signal));
    const key = processKeyOf(job);
    const limits = runLimits(job.limits, this.limits);
    let deadline: number | undefined;
    for (let attempt = 1;; attempt++) {
      try {
        if (!this.#hasStarted) await this.#starting.get();
        deadline ??= performance.now() + waitMs;
        const reused = key === undefined ? undefined : this.#reuse.take(key);
        const instance = reused ?? await this.#take(job, limits, attempt > 1, deadline, signal);
        const reuse = key === undefined
          ? undefined
          : this.#reuse.hooksOf(key, instance, limits.cpuTimeMs);
        // V8 in a spawned process has other flags.
        const codeCache = instance.kind === "root" ? this.#codeCacheOf(job) : undefined;
        const outcome = await instance.run(job, hooks, limits, reuse, codeCache);
        if (instance.loaded !== undefined) {
          this.#noteEvaluation(job, hooks, limits, instance.loaded);
        }
        return { ...outcome, process: reused === undefined ? instance.kind : "reused" };
      } catch (error) {
        if (signal.aborted) return killed(killCodeOf(signal));
        // An instance that died while it waited is replaced; the invocation does not fail.
        if (!(error instanceof JobNotAccepted)) throw error;
        if (attempt < INSTANCES_PER_INVOCATION_MAX) continue;
        // The job cannot be why an instance ended with the process that started it.
        if (error.lost === undefined && await this.#availability.check()) throw error;
        if (performance.now() >= (deadline ?? Infinity)) {
          throw new NoInstance("instances end before they run");
        }
        attempt = 1;
      }
    }
  }

  /**
   * Takes an instance for one job. While none can be started, waits.
   * @param again an earlier one ended before the job; the template of a script is not asked again
   * @throws NoInstance at the deadline, or when the signal aborts meanwhile
   */
  async #take(
    job: SandboxJob,
    limits: RunLimits,
    again: boolean,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Instance> {
    const usesNetwork = job.outboundAllowlist.length > 0;
    for (let attempt = 1;; attempt++) {
      while (this.#availability.error !== undefined) {
        const leftMs = deadline - performance.now();
        if (leftMs <= 0 || signal.aborted) throw new NoInstance(this.#availability.error);
        await this.#availability.recovered(leftMs, signal);
      }
      try {
        const { functionKey } = job;
        const forked = this.#crashes.areFrequent(functionKey)
          ? undefined
          : await this.#trees?.take(again ? undefined : choiceOf(job), limits, usesNetwork);
        const instance = forked ?? await (await this.#preparing.get()).spawned.take(limits);
        this.#crashes.watch(functionKey, instance.ended);
        return instance;
      } catch (error) {
        if (signal.aborted) throw error;
        if (!await this.#availability.check()) attempt = 0;
        else if (attempt === START_ATTEMPTS_MAX) throw error;
      }
    }
  }

  #codeCacheOf({ scriptKey }: SandboxJob): Uint8Array | undefined {
    return scriptKey === undefined ? undefined : this.#trees?.codeCaches.of(scriptKey);
  }

  /** The job's invocation has evaluated its script. */
  #noteEvaluation(
    job: SandboxJob,
    { stackMap }: RunHooks,
    limits: RunLimits,
    loaded: Loaded,
  ): void {
    const choice = choiceOf(job);
    if (choice === undefined || this.#crashes.areFrequent(job.functionKey)) return;
    this.#trees?.noteEvaluation({ ...choice, script: job.script, stackMap }, loaded, limits);
  }

  /** Without forks, as many more instances wait without a script: each evaluates the script in its invocation. */
  provision(provisioned: readonly Provisioned[]): void {
    this.#provisioned = provisioned;
    this.#trees?.provision(provisioned);
    const isKept = this.#starting.held !== undefined && this.forkError !== undefined;
    if (isKept) this.#prepared?.spawned.resize(this.#spawnedSize);
  }

  async compile(key: string, script: string): Promise<void> {
    if (this.#prepared === undefined) return;
    await this.#starting.get();
    await this.#trees?.codeCaches.make(key, script);
  }

  async report(
    script: ReportedScript,
    stackMap: StackMapReader,
    signal: AbortSignal,
  ): Promise<LoadReport | undefined> {
    try {
      await this.#starting.get();
      if (this.#isStopping || signal.aborted) return undefined;
      return await this.#trees?.report(script, stackMap, signal);
    } catch (error) {
      logger.debug("script {key} was not evaluated for a report: {error}", {
        key: script.key,
        error: String(error),
      });
      return undefined;
    }
  }

  get walls(): string {
    if (this.#prepared === undefined) return "not started";
    const { isolation: { description }, cgroups } = this.#prepared;
    return cgroups === undefined ? description : `${description}, ${CGROUPS_DESCRIPTION}`;
  }

  get error(): string | undefined {
    return this.#availability.error;
  }

  onErrorChange(listener: () => void): void {
    this.#availability.onChange(listener);
  }

  async forks(): Promise<ForkStatus | undefined> {
    return await this.#trees?.measure();
  }

  get stats(): Sandboxes["stats"] {
    const spawned = this.#prepared?.spawned.readyCount ?? 0;
    return {
      ready: spawned + (this.#trees?.readyCount ?? 0),
      running: this.#runs.size,
      codeCaches: this.#trees?.codeCaches.count ?? 0,
      forked: this.#prepared?.forkCounts.forked ?? 0,
      failedForks: this.#prepared?.forkCounts.failed ?? 0,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    for (const ending of this.#runs.values()) ending.abort(STOPPED);
    this.#reuse[Symbol.dispose]();
    const prepared = await this.#preparing.held?.catch(() => undefined);
    clearInterval(this.#looks);
    this.#availability[Symbol.dispose]();
    await this.#trees?.[Symbol.asyncDispose]();
    await this.#starting.held?.catch(() => {});
    await prepared?.spawned[Symbol.asyncDispose]();
    await Promise.allSettled(this.#runs.keys());
    await prepared?.opened[Symbol.asyncDispose]();
  }

  get #spawnedSize(): number {
    return this.#provisioned.reduce((sum, { count }) => sum + count, this.limits.poolSize);
  }

  async #prepare(): Promise<Prepared> {
    const prepared = await prepare(this.limits, this.options);
    const { trees } = prepared;
    if (typeof trees === "string") this.forkError = trees;
    else this.#trees = trees;
    this.#trees?.provision(this.#provisioned);
    return this.#prepared = prepared;
  }

  async #start(): Promise<void> {
    const { spawned } = await this.#preparing.get();
    this.forkError ??= await this.#trees?.start((take) => probeForks(take, this.limits));
    clearInterval(this.#looks);
    if (this.#isStopping) return;
    this.#looks = setInterval(() => this.#look(), LOOK_INTERVAL_MS);
    Deno.unrefTimer(this.#looks);
    if (this.forkError !== undefined) {
      logger.warn(
        "instances are not forked, each invocation starts a process, about 12 ms slower: {error}",
        {
          error: this.forkError,
        },
      );
      await spawned.keep(this.#spawnedSize);
    }
    this.#hasStarted = true;
  }

  /**
   * Creates what is missing before an invocation needs it. So a server without invocations also shows that none could
   * run.
   */
  async #look(): Promise<void> {
    const { spawned } = await this.#preparing.get();
    const restored = await spawned.restoreFiles().then(() => true, () => false);
    this.#trees?.look();
    const isServing = this.forkError === undefined && this.#trees?.isServing === true;
    const isSure = isServing || spawned.readyCount > 0;
    if (!restored || !isSure) await this.#availability.check();
  }

  async #probe(): Promise<void> {
    await (await this.#preparing.get()).spawned.probe();
  }
}
