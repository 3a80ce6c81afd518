/** Gives each call an instance: a fork where a tree serves, else a process that is spawned for it. */
import { getLogger } from "@logtape/logtape";
import type { ForkStatus, Provisioned, SandboxJob, SandboxLimits } from "../contract.ts";
import type { Loaded } from "../instance/frames.ts";
import type { Instance } from "../instance/instance.ts";
import type { ResourceLimits } from "../instance/limits.ts";
import { probeForks } from "../diagnostics/probe.ts";
import type { Tree } from "../tree/tree.ts";
import { Crashes } from "./crashes.ts";
import type { Singles } from "./singles.ts";

const logger = getLogger(["invoked", "sandbox"]);

export class Pool implements AsyncDisposable {
  readonly #singles: Singles;
  readonly #tree: Tree | undefined;
  readonly #limits: SandboxLimits;
  readonly #crashes = new Crashes();
  #provisionedCount = 0;
  #starting: Promise<void> | undefined;
  #forkFault: string | undefined;

  /** @param tree or why calls cannot be forked */
  constructor(singles: Singles, tree: Tree | string, limits: SandboxLimits) {
    this.#singles = singles;
    this.#tree = typeof tree === "string" ? undefined : tree;
    this.#forkFault = typeof tree === "string" ? tree : undefined;
    this.#limits = limits;
  }

  get readyCount(): number {
    return this.#singles.readyCount + (this.#tree?.readyCount ?? 0);
  }

  /** Starts the tree. Resolves once it serves, or once the first spawned instance waits where no tree can serve. */
  start(): Promise<void> {
    this.#starting ??= this.#startTree();
    return this.#starting;
  }

  /**
   * Takes an instance for one job.
   * @param again an earlier one ended before the job; the template of a script is not asked again
   */
  async take(
    { scriptKey, functionKey }: SandboxJob,
    limits: ResourceLimits,
    again: boolean,
  ): Promise<Instance> {
    await this.start();
    const forked = this.#crashes.areFrequent(functionKey)
      ? undefined
      : await this.#tree?.take(again ? undefined : scriptKey, limits);
    const instance = forked ?? await this.#singles.take(limits);
    instance.ended.then((exit) => this.#crashes.note(functionKey, exit));
    return instance;
  }

  /** Why no tree serves; undefined if one does. Known once {@link start} has resolved. */
  get forkFault(): string | undefined {
    return this.#forkFault;
  }

  /** Processes and memory of the tree; undefined while none serves. */
  async forks(): Promise<ForkStatus | undefined> {
    return await this.#tree?.measure();
  }

  /** The job's call has evaluated its script. */
  noteEvaluation({ scriptKey, script, functionKey }: SandboxJob, loaded: Loaded): void {
    if (scriptKey === undefined || this.#crashes.areFrequent(functionKey)) return;
    this.#tree?.noteEvaluation(scriptKey, script, loaded);
  }

  /** The code cache of a script for this instance: V8 in a spawned process has other flags. */
  codeCacheFor({ kind }: Instance, { scriptKey }: SandboxJob): Uint8Array | undefined {
    if (kind !== "root" || scriptKey === undefined) return undefined;
    return this.#tree?.codeCaches.of(scriptKey);
  }

  /** Makes the code cache of a script ahead of its first call, if that pays. Never rejects. */
  async compile(key: string, script: string): Promise<void> {
    await this.start();
    await this.#tree?.codeCaches.make(key, script);
  }

  /** Scripts that have a code cache. */
  get codeCacheCount(): number {
    return this.#tree?.codeCaches.count ?? 0;
  }

  /**
   * Keeps instances of these scripts waiting, called or not. Replaces the previous list. Without forks as many more
   * instances wait for any script: each evaluates its own in the call.
   */
  provision(provisioned: readonly Provisioned[]): void {
    this.#provisionedCount = provisioned.reduce((sum, { count }) => sum + count, 0);
    this.#tree?.provision(provisioned);
    const isKept = this.#starting !== undefined && this.#forkFault !== undefined;
    if (isKept) this.#singles.resize(this.#singlesSize);
  }

  get #singlesSize(): number {
    return this.#limits.poolSize + this.#provisionedCount;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tree?.[Symbol.asyncDispose]();
    await this.#starting;
    await this.#singles[Symbol.asyncDispose]();
  }

  async #startTree(): Promise<void> {
    this.#forkFault ??= await this.#tree?.start((take) => probeForks(take, this.#limits));
    if (this.#forkFault === undefined) return;
    logger.warn("instances are not forked, each call starts a process: {fault}", {
      fault: this.#forkFault,
    });
    await this.#singles.keep(this.#singlesSize);
  }
}
