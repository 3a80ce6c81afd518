/** The tree of forks: a zygote, templates and instances. Replaces the zygote when it ends. */
import { getLogger } from "@logtape/logtape";
import { lowerPriority } from "../../isolation/mod.ts";
import { isMissing } from "../../shared/files.ts";
import { Lifecycle } from "../../shared/lifecycle.ts";
import type {
  ForkStatus,
  LoadReport,
  Provisioned,
  ReportedScript,
  SandboxLimits,
} from "../contract.ts";
import type { StackMapReader } from "../../shared/stack.ts";
import type { Loaded } from "../instance/frames.ts";
import type { Instance } from "../instance/instance.ts";
import type { ResourceLimits } from "../instance/process.ts";
import type { CodeCaches, TakeGeneric } from "./code_caches.ts";
import { InstancePool } from "./instance_pool.ts";
import { judge, reportOf } from "./judge.ts";
import { measureTree } from "./memory.ts";
import type { PoolMemory } from "./pool_memory.ts";
import { type TreeResources, Zygote } from "./zygote.ts";
import type { ScriptSource, TemplateChoice } from "./script_source.ts";
import { ScriptTemplates } from "./script_templates.ts";
import { Template } from "./template.ts";

/** Backoff after the first failed start of a zygote. Doubles with each further one. */
const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 60_000;
/** Niceness of the process that evaluates a script for a report: invocations go first. */
const REPORT_NICENESS = 15;
const logger = getLogger(["invoked", "sandbox"]);

/** What a tree shares with those of other memory classes. */
export interface TreeShares {
  readonly codeCaches: CodeCaches;
  readonly memory: PoolMemory;
  /** Age after which a zygote is replaced: all of its forks share its address layout. */
  readonly zygoteLifetimeMs: number;
}

/** A zygote and everything that is forked from it. */
interface Generation {
  readonly zygote: Zygote;
  readonly generics: InstancePool;
  readonly scripts: ScriptTemplates;
  /** Where its forks connect to the server. */
  readonly socketPath: string;
}

/**
 * Modes:
 * - `starting`: no zygote has forked yet
 * - `serving`: a zygote forks
 * - `healing`: the zygote has ended, and the next one starts
 * - `closed`: disposed; everything is killed
 */
export class Tree implements AsyncDisposable {
  readonly #lifecycle = new Lifecycle("tree", "starting", {
    starting: ["serving", "closed"],
    serving: ["healing", "closed"],
    healing: ["serving", "closed"],
    closed: [],
  });
  #provisioned: readonly Provisioned[] = [];
  #generation: Generation | undefined;
  /** The one of the first zygote, also before it serves. */
  #probed: Generation | undefined;
  /** The next replacement of the zygote. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isRenewing = false;
  /** Whether a replacement has failed and the next one is due later. */
  #isPausing = false;
  /** Pause after the next replacement that fails. */
  #backoffMs = BACKOFF_MIN_MS;
  /** Zygotes that fork no more and still have running instances, each with its end. */
  readonly #retiring = new Map<Zygote, Promise<void>>();
  #distrustedMs = -Infinity;

  /**
   * @param first zygote, of which the tree takes ownership; it serves once some of its instances are checked
   * @param limits of which `poolSize` instances without code wait
   */
  constructor(
    private readonly first: Zygote,
    private readonly resources: TreeResources,
    private readonly limits: SandboxLimits,
    private readonly shares: TreeShares,
  ) {}

  /** Starts a zygote for forks that connect to the tree socket. Without one nothing is forked: a failure counts as a fork's. */
  static async startZygote(resources: TreeResources): Promise<Zygote> {
    const { launcher, socket, forkCounts } = resources;
    try {
      await launcher.program.restore();
      socket.restore();
      return await Zygote.start(resources);
    } catch (error) {
      forkCounts.failed++;
      throw error;
    }
  }

  get readyCount(): number {
    const { generics, scripts } = this.#generation ?? {};
    return (generics?.readyCount ?? 0) + (scripts?.readyCount ?? 0);
  }

  /**
   * Lets the first zygote fork.
   * @param probe checks some of its instances; resolves with what is wrong. None where zygotes like it have been checked
   * @returns what is wrong; undefined if the tree serves, or was closed meanwhile
   */
  async start(
    probe?: (take: TakeGeneric) => Promise<string | undefined>,
  ): Promise<string | undefined> {
    try {
      const generation = this.#probed = this.#generationOf(this.first);
      const failure = await probe?.(() => generation.generics.take(this.limits, true));
      if (failure === undefined && this.#lifecycle.is("starting")) this.#serve(generation);
      else await this.#end(generation);
      return this.#lifecycle.is("closed") ? undefined : failure;
    } catch (error) {
      await this.first[Symbol.asyncDispose]();
      return error instanceof Error ? error.message : String(error);
    }
  }

  /**
   * Takes an instance that waits for its first invocation; undefined while no zygote forks.
   * @param usesNetwork whether the invocation may connect to anything
   */
  async take(
    choice: TemplateChoice | undefined,
    limits: ResourceLimits,
    usesNetwork: boolean,
  ): Promise<Instance | undefined> {
    const generation = this.#generation;
    if (generation === undefined) return undefined;
    const { scripts, generics } = generation;
    const loaded = choice === undefined
      ? undefined
      : await scripts.take(choice, limits, usesNetwork);
    // An instance of a script inherits its connections, whatever has become of the socket.
    if (loaded !== undefined) return loaded;
    if (this.#isLost(generation)) return undefined;
    const instance = await generics.take(limits, usesNetwork);
    if (instance === undefined) this.#distrust(generation);
    return instance;
  }

  /** Whether a zygote forks. */
  get isServing(): boolean {
    return this.#lifecycle.is("serving");
  }

  /** Replaces a zygote whose forks cannot reach the server. */
  look(): void {
    if (this.#generation !== undefined) this.#isLost(this.#generation);
  }

  /** Counts processes and memory; undefined while no zygote forks. */
  async measure(): Promise<ForkStatus | undefined> {
    if (this.#generation === undefined) return undefined;
    const { zygote, generics, scripts } = this.#generation;
    const pids = {
      zygote: zygote.pid,
      genericTemplates: generics.templatePids,
      scriptTemplates: scripts.templatePids,
    };
    return await measureTree(pids, this.readyCount);
  }

  /** An invocation has evaluated this script. */
  noteEvaluation(source: ScriptSource, { ms }: Loaded): void {
    this.#generation?.scripts.noteEvaluation(source, ms);
  }

  /**
   * Evaluates a script for a report, in a template that no invocation starts from. Undefined while no zygote forks, and if
   * the zygote has ended or the signal aborts meanwhile.
   */
  async report(
    { key, script }: ReportedScript,
    stackMap: StackMapReader,
    signal: AbortSignal,
  ): Promise<LoadReport | undefined> {
    const generation = this.#generation;
    if (generation === undefined) return undefined;
    const { zygote } = generation;
    const { codeCaches } = this.shares;
    const ending = new AbortController();
    zygote.ended.then(() => ending.abort());
    const either = AbortSignal.any([signal, ending.signal]);
    // Invocations have it, too.
    await codeCaches.make(key, script);
    if (either.aborted) return undefined;
    using template = await Template.make(zygote, this.resources);
    const end = () => template[Symbol.dispose]();
    either.addEventListener("abort", end, { once: true });
    try {
      lowerPriority(template.pid, REPORT_NICENESS);
      const evaluated = await template.load({ script, codeCache: codeCaches.of(key) }, this.limits);
      const judgement = await judge(evaluated, { script, stackMap });
      return either.aborted ? undefined : reportOf(evaluated.ms, judgement);
    } finally {
      either.removeEventListener("abort", end);
    }
  }

  /** Keeps instances of these scripts waiting. Replaces the previous list. */
  provision(provisioned: readonly Provisioned[]): void {
    this.#provisioned = provisioned;
    this.#generation?.scripts.provision(provisioned);
  }

  /** Takes no more invocations, and resolves once the running ones have ended. Its disposal kills them. */
  async retire(): Promise<void> {
    this.#close();
    const generation = this.#generation;
    this.#generation = undefined;
    if (generation !== undefined) this.#beginRetiring(generation);
    await Promise.all(this.#retiring.values());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    // Before its zygote ends: otherwise its instances count as failed.
    this.#probed?.generics[Symbol.dispose]();
    const zygotes = [this.first, ...this.#retiring.keys()].map((zygote) =>
      zygote[Symbol.asyncDispose]()
    );
    if (this.#generation !== undefined) await this.#end(this.#generation);
    await Promise.all(zygotes);
  }

  #close(): void {
    clearTimeout(this.#timer);
    if (!this.#lifecycle.is("closed")) this.#lifecycle.set("closed");
  }

  #generationOf(zygote: Zygote): Generation {
    const { poolSize } = this.limits;
    const { codeCaches, memory } = this.shares;
    zygote.begin(this.resources);
    return {
      zygote,
      generics: new InstancePool(zygote, this.resources, poolSize),
      scripts: new ScriptTemplates(zygote, this.resources, this.limits, codeCaches, memory),
      socketPath: this.resources.socket.path,
    };
  }

  #serve(generation: Generation): void {
    this.#generation = generation;
    this.#isPausing = false;
    if (!this.#lifecycle.is("serving")) this.#lifecycle.set("serving");
    generation.scripts.provision(this.#provisioned);
    generation.zygote.ended.then(() => this.#heal(generation));
    this.#timer = setTimeout(() => this.#renew(), this.shares.zygoteLifetimeMs);
    Deno.unrefTimer(this.#timer);
  }

  /**
   * Whether the sockets of a generation were removed: with them its forks have lost the server and the network, and where
   * they are mounted no new ones appear. Replaces its zygote.
   */
  #isLost(generation: Generation): boolean {
    if (!isMissing(generation.socketPath)) return false;
    if (this.#isRenewing || this.#isPausing) return true;
    logger.error("the sockets of instances were removed, their zygote is replaced");
    clearTimeout(this.#timer);
    this.#renew();
    return true;
  }

  /** A zygote that does not fork is replaced, at most once in a while: what it needs may have been removed. */
  #distrust(generation: Generation): void {
    const nowMs = performance.now();
    if (this.#generation !== generation || nowMs - this.#distrustedMs < BACKOFF_MAX_MS) return;
    this.#distrustedMs = nowMs;
    clearTimeout(this.#timer);
    this.#renew();
  }

  /** Replaces a zygote that forks, once its successor does. Running invocations end on the old one. */
  async #renew(): Promise<void> {
    const old = this.#generation;
    if (old === undefined || this.#isRenewing) return;
    this.#isRenewing = true;
    this.#isPausing = false;
    try {
      const zygote = await Tree.startZygote(this.resources);
      if (this.#generation !== old) return void await zygote[Symbol.asyncDispose]();
      this.#serve(this.#generationOf(zygote));
      this.#backoffMs = BACKOFF_MIN_MS;
      this.#beginRetiring(old);
    } catch (error) {
      if (this.#generation !== old) return;
      const backoffMs = this.#backoffMs;
      logger.error(
        "no zygote started, the old one stays; next attempt in {backoffMs} ms: {error}",
        {
          backoffMs,
          error: String(error),
        },
      );
      this.#backoffMs = Math.min(2 * backoffMs, BACKOFF_MAX_MS);
      this.#isPausing = true;
      this.#timer = setTimeout(() => this.#renew(), backoffMs);
      Deno.unrefTimer(this.#timer);
    } finally {
      this.#isRenewing = false;
    }
  }

  #beginRetiring(generation: Generation): void {
    this.#retiring.set(generation.zygote, this.#retire(generation));
  }

  /** Ends a generation with its last running instance. */
  async #retire({ zygote, generics, scripts }: Generation): Promise<void> {
    generics[Symbol.dispose]();
    scripts[Symbol.dispose]();
    await Promise.all([generics.ended(), scripts.ended()]);
    await zygote[Symbol.asyncDispose]();
    this.#retiring.delete(zygote);
  }

  async #end({ zygote, generics, scripts }: Generation): Promise<void> {
    this.#generation = undefined;
    generics[Symbol.dispose]();
    scripts[Symbol.dispose]();
    await zygote[Symbol.asyncDispose]();
  }

  /** Replaces the zygote, whose forks have ended with it. */
  async #heal(ended: Generation): Promise<void> {
    if (this.#lifecycle.is("closed") || this.#generation !== ended) return;
    clearTimeout(this.#timer);
    this.#lifecycle.set("healing");
    logger.error("the zygote of all instances ended and is replaced");
    await this.#end(ended);
    await this.#restart(BACKOFF_MIN_MS);
  }

  async #restart(backoffMs: number): Promise<void> {
    try {
      const zygote = await Tree.startZygote(this.resources);
      if (this.#lifecycle.is("healing")) this.#serve(this.#generationOf(zygote));
      else await zygote[Symbol.asyncDispose]();
    } catch (error) {
      if (this.#lifecycle.is("closed")) return;
      logger.error("no zygote started, next attempt in {backoffMs} ms: {error}", {
        backoffMs,
        error: String(error),
      });
      const next = Math.min(2 * backoffMs, BACKOFF_MAX_MS);
      this.#timer = setTimeout(() => this.#restart(next), backoffMs);
    }
  }
}
