/** Gives each call an instance: a fork where a tree serves, else a process that is spawned for it. */
import { getLogger } from "@logtape/logtape";
import { Lazy } from "../../shared/lazy.ts";
import {
  type ForkStatus,
  NoInstance,
  type Provisioned,
  type RunHooks,
  type SandboxJob,
  type SandboxLimits,
} from "../contract.ts";
import type { Loaded } from "../instance/frames.ts";
import type { Instance } from "../instance/instance.ts";
import type { ResourceLimits } from "../instance/limits.ts";
import { probeForks } from "../diagnostics/probe.ts";
import type { Trees } from "../tree/trees.ts";
import { Availability } from "./availability.ts";
import { Crashes } from "./crashes.ts";
import type { SpawnedInstances } from "./spawned_instances.ts";

const logger = getLogger(["invoked", "sandbox"]);

/** Instances that one call may fail to start while others start: then the call itself is the cause. */
const START_ATTEMPTS_MAX = 3;
/** How often the pool looks whether what instances need is still there: a cleaner of old files may have removed it. */
const LOOK_INTERVAL_MS = 5_000;

export class Pool implements AsyncDisposable {
  readonly #spawned: SpawnedInstances;
  readonly #trees: Trees | undefined;
  readonly #limits: SandboxLimits;
  readonly #crashes = new Crashes();
  readonly #starting = new Lazy(() => this.#startTree());
  readonly #availability: Availability;
  #provisionedCount = 0;
  #forkFault: string | undefined;
  #looks: ReturnType<typeof setInterval> | undefined;

  /** @param trees or why calls cannot be forked */
  constructor(spawned: SpawnedInstances, trees: Trees | string, limits: SandboxLimits) {
    this.#spawned = spawned;
    this.#trees = typeof trees === "string" ? undefined : trees;
    this.#forkFault = typeof trees === "string" ? trees : undefined;
    this.#limits = limits;
    this.#availability = new Availability(() => spawned.probe());
  }

  /** Whether instances can be started. */
  get availability(): Pick<Availability, "fault" | "onChange" | "check"> {
    return this.#availability;
  }

  get readyCount(): number {
    return this.#spawned.readyCount + (this.#trees?.readyCount ?? 0);
  }

  /** Starts the tree of the default memory class. Resolves once it serves, or once the first spawned instance waits where no tree can serve. */
  start(): Promise<void> {
    return this.#starting.get();
  }

  /**
   * Takes an instance for one job. While none can be started, waits.
   * @param again an earlier one ended before the job; the template of a script is not asked again
   * @throws NoInstance once it has waited for `waitMs`, or when the signal aborts meanwhile
   */
  async take(
    job: SandboxJob,
    limits: ResourceLimits,
    again: boolean,
    { signal, waitMs = Infinity }: Pick<RunHooks, "signal" | "waitMs">,
  ): Promise<Instance> {
    await this.start();
    const deadline = performance.now() + waitMs;
    for (let attempt = 1;; attempt++) {
      await this.#awaitStarts(deadline, signal);
      try {
        return await this.#take(job, limits, again);
      } catch (error) {
        if (signal.aborted) throw error;
        if (!await this.#availability.check()) attempt = 0;
        else if (attempt === START_ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** Waits while no instance can be started. @throws NoInstance */
  async #awaitStarts(deadline: number, signal: AbortSignal): Promise<void> {
    while (this.#availability.fault !== undefined) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0 || signal.aborted) throw new NoInstance(this.#availability.fault);
      await this.#availability.recovered(leftMs, signal);
    }
  }

  async #take(
    { scriptKey, functionKey }: SandboxJob,
    limits: ResourceLimits,
    again: boolean,
  ): Promise<Instance> {
    const forked = this.#crashes.areFrequent(functionKey)
      ? undefined
      : await this.#trees?.take(again ? undefined : scriptKey, limits);
    const instance = forked ?? await this.#spawned.take(limits);
    instance.ended.then((exit) => this.#crashes.note(functionKey, exit));
    return instance;
  }

  /** Why no tree serves; undefined if one does. Known once {@link start} has resolved. */
  get forkFault(): string | undefined {
    return this.#forkFault;
  }

  /** Processes and memory of all trees; undefined while none serves. */
  async forks(): Promise<ForkStatus | undefined> {
    return await this.#trees?.measure();
  }

  /** The job's call has evaluated its script. */
  noteEvaluation(
    { scriptKey, script, functionKey }: SandboxJob,
    { memoryBytes }: ResourceLimits,
    loaded: Loaded,
  ): void {
    if (scriptKey === undefined || this.#crashes.areFrequent(functionKey)) return;
    this.#trees?.noteEvaluation(scriptKey, script, loaded, memoryBytes);
  }

  /** The code cache of a script for this instance: V8 in a spawned process has other flags. */
  codeCacheFor({ kind }: Instance, { scriptKey }: SandboxJob): Uint8Array | undefined {
    if (kind !== "root" || scriptKey === undefined) return undefined;
    return this.#trees?.codeCaches.of(scriptKey);
  }

  /** Makes the code cache of a script ahead of its first call, if that pays. Never rejects. */
  async compile(key: string, script: string): Promise<void> {
    await this.start();
    await this.#trees?.codeCaches.make(key, script);
  }

  /** Scripts that have a code cache. */
  get codeCacheCount(): number {
    return this.#trees?.codeCaches.count ?? 0;
  }

  /**
   * Keeps instances of these scripts waiting, called or not. Replaces the previous list. Without forks as many more
   * instances wait for any script: each evaluates its own in the call.
   */
  provision(provisioned: readonly Provisioned[]): void {
    this.#provisionedCount = provisioned.reduce((sum, { count }) => sum + count, 0);
    this.#trees?.provision(provisioned);
    const isKept = this.#starting.held !== undefined && this.#forkFault !== undefined;
    if (isKept) this.#spawned.resize(this.#spawnedSize);
  }

  get #spawnedSize(): number {
    return this.#limits.poolSize + this.#provisionedCount;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#looks);
    this.#availability[Symbol.dispose]();
    await this.#trees?.[Symbol.asyncDispose]();
    await this.#starting.held?.catch(() => {});
    await this.#spawned[Symbol.asyncDispose]();
  }

  async #startTree(): Promise<void> {
    this.#forkFault ??= await this.#trees?.start((take) => probeForks(take, this.#limits));
    this.#lookAtIntervals();
    if (this.#forkFault === undefined) return;
    logger.warn("instances are not forked, each call starts a process: {fault}", {
      fault: this.#forkFault,
    });
    await this.#spawned.keep(this.#spawnedSize);
  }

  #lookAtIntervals(): void {
    clearInterval(this.#looks);
    this.#looks = setInterval(() => this.#look(), LOOK_INTERVAL_MS);
    Deno.unrefTimer(this.#looks);
  }

  /** Makes what is missing before a call needs it. A server without calls shows this way, too, that none could run. */
  async #look(): Promise<void> {
    const restored = await this.#spawned.restoreFiles().then(() => true, () => false);
    this.#trees?.look();
    const isServing = this.#forkFault === undefined && this.#trees?.isServing === true;
    const isSure = isServing || this.#spawned.readyCount > 0;
    if (!restored || !isSure) await this.#availability.check();
  }
}
