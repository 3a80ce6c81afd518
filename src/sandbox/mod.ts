/** Runs functions. Each call gets an instance of its own unless its job allows reuse. */
import {
  type ForkStatus,
  type KillCode,
  NoInstance,
  type Provisioned,
  type ReuseLimits,
  type RunHooks,
  type Sandboxes,
  type SandboxJob,
  type SandboxLimits,
  type SandboxOutcome,
} from "./contract.ts";
import { type EgressOptions, EgressProxy } from "./egress/proxy.ts";
import { type Cgroups, type IsolationChoice, openSocketDir } from "../isolation/mod.ts";
import type { Launcher } from "./instance/launcher.ts";
import { prepareProgram } from "./instance/program.ts";
import { killCodeOf, killed } from "./instance/outcome.ts";
import { Pool } from "./pool/pool.ts";
import { CGROUPS_DESCRIPTION, openCgroups, runLimits } from "./instance/limits.ts";
import { type InstanceHooks, JobNotAccepted } from "./instance/instance.ts";
import { REPLIES_CONTENT_MAX_BYTES } from "./instance/replies.ts";
import { ByteBudget } from "../shared/byte_budget.ts";
import { Lazy } from "../shared/lazy.ts";
import { processKeyOf, Reuse } from "./pool/reuse.ts";
import { openImage } from "./image/image.ts";
import { startFirst } from "./pool/first_process.ts";
import { SpawnedInstances } from "./pool/spawned_instances.ts";
import { resourcesFor } from "./tree/zygote.ts";
import { Trees, type ZygoteAges } from "./tree/trees.ts";
import { TreeSocket } from "./tree/tree_socket.ts";

export * from "./contract.ts";
export type { EgressOptions } from "./egress/proxy.ts";
export { type PublicGet, publicGet } from "./egress/own_requests.ts";
export { isAllowed, type PublicPost, publicPost } from "./egress/own_requests.ts";
export { entryFault } from "./egress/allowlist.ts";
export type { IsolationChoice, Mode } from "../isolation/mod.ts";
export { IsolationError, type Verdict } from "../isolation/mod.ts";
export { diagnose, type Diagnosis } from "./diagnostics/diagnose.ts";

/** How runs end with their sandboxes. */
const STOPPED: KillCode = "INTERRUPTED";

/** Instances that are tried for one call. Larger than a pool, of which all may die at once. */
const INSTANCES_PER_CALL_MAX = 10;

/** Options of all sandboxes. */
interface SandboxOptions extends ZygoteAges {
  /** A private directory of the server, created when missing. Holds the compiled runtime and no user data. */
  readonly cacheDir: string;
  readonly egress: EgressOptions;
  readonly reuse: ReuseLimits;
  /** The mode to use, or `auto` for the strongest available one. */
  readonly isolation: IsolationChoice;
  /** Directories of the wrappers, separated by colons. */
  readonly searchPath: string;
}

/** Creates the pool of sandboxes. `start` or the first `run` starts the first process. */
export function createSandboxes(limits: SandboxLimits, options: SandboxOptions): Sandboxes {
  return new ProcessSandboxes(limits, options);
}

interface Prepared {
  readonly cgroups: Cgroups | undefined;
  readonly launcher: Launcher;
  readonly pool: Pool;
  /** Everything that the pool needs. */
  readonly opened: AsyncDisposableStack;
}

class ProcessSandboxes implements Sandboxes {
  readonly #limits: SandboxLimits;
  readonly #options: SandboxOptions;
  readonly #reuse: Reuse;
  readonly #replyBudget = new ByteBudget(REPLIES_CONTENT_MAX_BYTES);
  #isStopping = false;
  /** Each with what ends it. */
  readonly #runs = new Map<Promise<SandboxOutcome>, AbortController>();
  readonly #preparing = new Lazy(() => this.#prepare());
  #prepared: Prepared | undefined;
  #provisioned: readonly Provisioned[] = [];
  readonly #listeners: (() => void)[] = [];

  constructor(limits: SandboxLimits, options: SandboxOptions) {
    this.#limits = limits;
    this.#options = options;
    this.#reuse = new Reuse(options.reuse);
  }

  async start(): Promise<void> {
    const { pool } = await this.#preparing.get();
    await pool.start();
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

  provision(provisioned: readonly Provisioned[]): void {
    this.#provisioned = provisioned;
    this.#prepared?.pool.provision(provisioned);
  }

  async compile(key: string, script: string): Promise<void> {
    await this.#prepared?.pool.compile(key, script);
  }

  get walls(): string {
    if (this.#prepared === undefined) return "not started";
    const { launcher: { isolation }, cgroups } = this.#prepared;
    return cgroups === undefined
      ? isolation.description
      : `${isolation.description}, ${CGROUPS_DESCRIPTION}`;
  }

  get fault(): string | undefined {
    return this.#prepared?.pool.availability.fault;
  }

  onFaultChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  get forkFault(): string | undefined {
    return this.#prepared?.pool.forkFault;
  }

  async forks(): Promise<ForkStatus | undefined> {
    return await this.#prepared?.pool.forks();
  }

  get stats(): Sandboxes["stats"] {
    const { readyCount = 0, codeCacheCount = 0 } = this.#prepared?.pool ?? {};
    return { ready: readyCount, running: this.#runs.size, codeCaches: codeCacheCount };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    for (const ending of this.#runs.values()) ending.abort(STOPPED);
    this.#reuse[Symbol.dispose]();
    const prepared = await this.#preparing.held?.catch(() => undefined);
    await prepared?.pool[Symbol.asyncDispose]();
    await Promise.allSettled(this.#runs.keys());
    await prepared?.opened[Symbol.asyncDispose]();
  }

  async #run(job: SandboxJob, hooks: InstanceHooks): Promise<SandboxOutcome> {
    if (hooks.signal.aborted) return killed(killCodeOf(hooks.signal));
    const { pool } = this.#prepared ?? await this.#preparing.get();
    const key = processKeyOf(job);
    const limits = runLimits(job.limits, this.#limits);
    const { signal, waitMs = Infinity } = hooks;
    const deadline = performance.now() + waitMs;
    for (let attempt = 1;; attempt++) {
      try {
        const reused = key === undefined ? undefined : this.#reuse.take(key);
        const instance = reused ?? await pool.take(job, limits, attempt > 1, {
          signal,
          waitMs: deadline - performance.now(),
        });
        const reuse = key === undefined
          ? undefined
          : this.#reuse.hooksOf(key, instance, limits.cpuTimeMs);
        const codeCache = pool.codeCacheFor(instance, job);
        const outcome = await instance.run(job, hooks, limits, reuse, codeCache);
        if (instance.loaded !== undefined) pool.noteEvaluation(job, limits, instance.loaded);
        return { ...outcome, process: reused === undefined ? instance.kind : "reused" };
      } catch (error) {
        if (signal.aborted) return killed(killCodeOf(signal));
        // An instance that died while it waited is replaced; the call does not fail.
        if (!(error instanceof JobNotAccepted)) throw error;
        if (attempt < INSTANCES_PER_CALL_MAX) continue;
        // The job cannot be why an instance ended with the process that started it.
        if (error.lost === undefined && await pool.availability.check()) throw error;
        if (performance.now() >= deadline) throw new NoInstance("instances end before they run");
        attempt = 1;
      }
    }
  }

  async #prepare(): Promise<Prepared> {
    const { cacheDir, searchPath, isolation } = this.#options;
    await using opened = new AsyncDisposableStack();
    const image = opened.use(await openImage(cacheDir, searchPath));
    const program = await prepareProgram(this.#limits, image, this.#options.egress.ca);
    const socketDir = opened.use(await openSocketDir(image.ownDir, image.sharedDir));
    image.keep(socketDir.part);
    const egress = opened.use(new EgressProxy(this.#options.egress, socketDir));
    const socket = opened.use(new TreeSocket(socketDir));
    const { launcher, zygote, dataBytes } = await startFirst(isolation, program, {
      image,
      socketDir,
    });
    await using unowned = new AsyncDisposableStack();
    if (typeof zygote !== "string") unowned.use(zygote);
    const cgroups = dataBytes === undefined
      ? undefined
      : await openCgroups(image.machine, dataBytes);
    if (cgroups !== undefined) opened.use(cgroups);
    const spawned = new SpawnedInstances(launcher, { egress, cgroups });
    const { memoryBytes: classBytes } = this.#limits;
    const parts = { launcher, image, socketDir, classBytes, socket, egress, cgroups };
    const trees = typeof zygote === "string"
      ? zygote
      : new Trees(zygote, resourcesFor(parts), this.#limits, this.#options);
    const pool = new Pool(spawned, trees, this.#limits);
    unowned.move();
    pool.provision(this.#provisioned);
    pool.availability.onChange(() => this.#listeners.forEach((listener) => listener()));
    this.#prepared = { cgroups, launcher, pool, opened: opened.move() };
    return this.#prepared;
  }
}
