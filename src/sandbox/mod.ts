/** The sandbox room: runs functions, each call in a process of its own unless its job says otherwise. */
import type {
  Provisioned,
  ReuseLimits,
  RunHooks,
  Sandboxes,
  SandboxJob,
  SandboxLimits,
  SandboxOutcome,
} from "./contract.ts";
import { type EgressOptions, EgressProxy } from "./egress/proxy.ts";
import { type Cgroups, choose, type IsolationChoice } from "../isolation/mod.ts";
import { type Launcher, launcherFor, prepareProgram } from "./instance/launcher.ts";
import { Pool } from "./pool/pool.ts";
import { CGROUPS_IN_WORDS, openCgroups } from "./instance/cgroups.ts";
import { subjectOf } from "./diagnostics/probe.ts";
import { JobNotAccepted, killedEarly } from "./instance/instance.ts";
import { processKeyOf, Reuse } from "./pool/reuse.ts";
import { type Image, openImage } from "./image/image.ts";

export * from "./contract.ts";
export type { EgressOptions } from "./egress/proxy.ts";
export { entryFault } from "./egress/allowlist.ts";
export type { IsolationChoice, Mode } from "../isolation/mod.ts";
export { IsolationError, type Verdict } from "../isolation/mod.ts";
export { diagnose, type Diagnosis as Examination } from "./diagnostics/diagnose.ts";

/** Processes that are tried for one call; more than a pool holds have to die in the same moment to pass it. */
const PROCESSES_PER_CALL_MAX = 10;

/** Where the room keeps what its processes share. */
export interface SandboxOptions {
  /** A private directory of the server; made when missing. Holds the compiled runtime, nothing of users. */
  readonly cacheDir: string;
  readonly egress: EgressOptions;
  readonly reuse: ReuseLimits;
  /** The mode to use, or `auto` for the strongest that stands. */
  readonly isolation: IsolationChoice;
  /** Directories, separated by colons, in which the wrappers are looked for. */
  readonly searchPath: string;
}

/** Makes the pool of sandboxes. No process is started before `start` or the first `run`. */
export function createSandboxes(limits: SandboxLimits, options: SandboxOptions): Sandboxes {
  return new ProcessSandboxes(limits, options);
}

type Prepared = {
  readonly egress: EgressProxy;
  readonly cgroups: Cgroups | undefined;
  readonly around: Image;
  readonly launcher: Launcher;
  readonly pool: Pool;
};

class ProcessSandboxes implements Sandboxes {
  readonly #limits: SandboxLimits;
  readonly #options: SandboxOptions;
  readonly #reuse: Reuse;
  readonly #stopping = new AbortController();
  readonly #runs = new Set<Promise<SandboxOutcome>>();
  #preparing: Promise<Prepared> | undefined;
  #prepared: Prepared | undefined;
  #provisioned: readonly Provisioned[] = [];

  constructor(limits: SandboxLimits, options: SandboxOptions) {
    this.#limits = limits;
    this.#options = options;
    this.#reuse = new Reuse(options.reuse, limits.cpuTimeMs);
  }

  async start(): Promise<void> {
    const { pool } = await this.#prepare();
    await pool.start();
  }

  async run(job: SandboxJob, hooks: RunHooks): Promise<SandboxOutcome> {
    const running = this.#run(job, {
      ...hooks,
      signal: AbortSignal.any([hooks.signal, this.#stopping.signal]),
    });
    this.#runs.add(running);
    try {
      return await running;
    } finally {
      this.#runs.delete(running);
    }
  }

  provision(provisioned: readonly Provisioned[]): void {
    this.#provisioned = provisioned;
    this.#prepared?.pool.provision(provisioned);
  }

  get walls(): string {
    if (this.#prepared === undefined) return "not started";
    const { launcher: { isolation }, cgroups } = this.#prepared;
    return cgroups === undefined ? isolation.walls : `${isolation.walls}, ${CGROUPS_IN_WORDS}`;
  }

  get stats(): { readonly ready: number; readonly running: number } {
    return { ready: this.#prepared?.pool.readyCount ?? 0, running: this.#runs.size };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort("INTERRUPTED");
    this.#reuse[Symbol.dispose]();
    const prepared = await this.#preparing?.catch(() => undefined);
    await prepared?.pool[Symbol.asyncDispose]();
    await Promise.allSettled(this.#runs);
    await prepared?.egress[Symbol.asyncDispose]();
    await prepared?.cgroups?.[Symbol.asyncDispose]();
    await prepared?.around[Symbol.asyncDispose]();
  }

  async #run(job: SandboxJob, hooks: RunHooks): Promise<SandboxOutcome> {
    if (hooks.signal.aborted) return killedEarly(hooks.signal);
    const { pool } = this.#prepared ?? await this.#prepare();
    const key = processKeyOf(job);
    for (let attempt = 1;; attempt++) {
      try {
        const reused = key === undefined ? undefined : this.#reuse.take(key);
        const process = reused ?? await pool.take(job.scriptKey, job.script);
        const keeper = key === undefined ? undefined : this.#reuse.keeperOf(key, process);
        return await process.run(job, hooks, this.#limits, keeper);
      } catch (error) {
        if (hooks.signal.aborted) return killedEarly(hooks.signal);
        // A process that died while it waited costs another one, not the call.
        if (!(error instanceof JobNotAccepted) || attempt === PROCESSES_PER_CALL_MAX) throw error;
      }
    }
  }

  #prepare(): Promise<Prepared> {
    this.#preparing ??= this.#prepareOnce();
    return this.#preparing;
  }

  async #prepareOnce(): Promise<Prepared> {
    const { cacheDir, searchPath, isolation } = this.#options;
    await using opened = new AsyncDisposableStack();
    const around = opened.use(await openImage(cacheDir, searchPath));
    const program = await prepareProgram(this.#limits, around, this.#options.egress.ca);
    const chosen = await choose(isolation, subjectOf(around, program));
    const egress = opened.use(await EgressProxy.open(this.#options.egress, cacheDir));
    const cgroups = await openCgroups(around, program);
    if (cgroups !== undefined) opened.use(cgroups);
    const launcher = launcherFor(chosen, program, { egress, cgroups });
    opened.move();
    const pool = new Pool(launcher, this.#limits);
    pool.provision(this.#provisioned);
    this.#prepared = { around, egress, cgroups, launcher, pool };
    return this.#prepared;
  }
}
