/** The tree of forks: a root, templates and instances. Replaces the root when it ends. */
import { getLogger } from "@logtape/logtape";
import { isMissing } from "../../shared/files.ts";
import { Lifecycle } from "../../shared/lifecycle.ts";
import type { ForkStatus, Provisioned, SandboxLimits } from "../contract.ts";
import type { Loaded } from "../instance/frames.ts";
import type { Instance } from "../instance/instance.ts";
import type { ResourceLimits } from "../instance/limits.ts";
import type { CodeCaches, TakeBlank } from "./code_caches.ts";
import { EgressSockets } from "./egress_sockets.ts";
import { InstancePool } from "./instance_pool.ts";
import { measureTree } from "./memory.ts";
import type { PoolMemory } from "./pool_memory.ts";
import { Root } from "./root.ts";
import { ScriptTemplates } from "./script_templates.ts";
import type { TreeResources } from "./resources.ts";

/** Backoff after the first failed start of a root. Doubles with each further one. */
const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 60_000;
const logger = getLogger(["invoked", "sandbox"]);

/** What a tree shares with those of other memory classes. */
export interface TreeShares {
  readonly codeCaches: CodeCaches;
  readonly memory: PoolMemory;
  /** Age after which a root is replaced: all of its forks share its address layout. */
  readonly rootLifetimeMs: number;
}

/** A root and everything that is forked from it. */
interface Generation {
  readonly root: Root;
  readonly blanks: InstancePool;
  readonly scripts: ScriptTemplates;
  /** Where its forks connect to the server. */
  readonly socketPath: string;
}

/**
 * Modes:
 * - `starting`: no root has forked yet
 * - `serving`: a root forks
 * - `healing`: the root has ended, and the next one starts
 * - `closed`: disposed; everything is killed
 */
export class Tree implements AsyncDisposable {
  readonly #lifecycle = new Lifecycle("tree", "starting", {
    starting: ["serving", "closed"],
    serving: ["healing", "closed"],
    healing: ["serving", "closed"],
    closed: [],
  });
  readonly #resources: TreeResources;
  readonly #limits: SandboxLimits;
  readonly #egressSockets: EgressSockets;
  readonly #shares: TreeShares;
  /** The first root, which serves once some of its instances are checked. */
  readonly #first: Root;
  #provisioned: readonly Provisioned[] = [];
  #generation: Generation | undefined;
  /** The one of the first root, also before it serves. */
  #probed: Generation | undefined;
  /** The next replacement of the root. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isRenewing = false;
  /** Whether a replacement has failed and the next one is due later. */
  #isPausing = false;
  /** Pause after the next replacement that fails. */
  #backoffMs = BACKOFF_MIN_MS;
  /** Roots that fork no more and still have running instances, each with its end. */
  readonly #retiring = new Map<Root, Promise<void>>();
  #distrustedMs = -Infinity;

  /**
   * @param root the first one, of which the tree takes ownership
   * @param limits those of its memory class; `poolSize` instances without code wait
   */
  constructor(
    root: Root,
    resources: TreeResources,
    limits: SandboxLimits,
    shares: TreeShares,
  ) {
    this.#resources = resources;
    this.#limits = limits;
    this.#shares = shares;
    this.#first = root;
    this.#egressSockets = new EgressSockets(resources.egress);
  }

  /** Starts a root for forks that connect to the tree socket. */
  static async startRoot(resources: TreeResources): Promise<Root> {
    const { launcher, socket } = resources;
    await launcher.program.restore();
    socket.restore();
    return await Root.start(resources);
  }

  get readyCount(): number {
    const { blanks, scripts } = this.#generation ?? {};
    return (blanks?.readyCount ?? 0) + (scripts?.readyCount ?? 0);
  }

  /**
   * Lets the first root fork.
   * @param probe checks some of its instances; resolves with what is wrong. None where roots like it have been checked
   * @returns what is wrong; undefined if the tree serves, or was closed meanwhile
   */
  async start(
    probe?: (take: TakeBlank) => Promise<string | undefined>,
  ): Promise<string | undefined> {
    try {
      const generation = this.#probed = this.#generationOf(this.#first);
      const fault = await probe?.(() => generation.blanks.take(this.#limits));
      if (fault === undefined && this.#lifecycle.is("starting")) this.#serve(generation);
      else await this.#end(generation);
      return this.#lifecycle.is("closed") ? undefined : fault;
    } catch (error) {
      await this.#first[Symbol.asyncDispose]();
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Takes an instance that waits for its first call; undefined while no root forks. */
  async take(key: string | undefined, limits: ResourceLimits): Promise<Instance | undefined> {
    const generation = this.#generation;
    if (generation === undefined || this.#isLost(generation)) return undefined;
    const { scripts, blanks } = generation;
    const loaded = key === undefined ? undefined : await scripts.take(key, limits);
    const instance = loaded ?? await blanks.take(limits);
    if (instance === undefined) this.#distrust(generation);
    return instance;
  }

  /** Whether a root forks. */
  get isServing(): boolean {
    return this.#lifecycle.is("serving");
  }

  /** Replaces a root whose forks cannot reach the server. */
  look(): void {
    if (this.#generation !== undefined) this.#isLost(this.#generation);
  }

  /** Counts processes and memory; undefined while no root forks. */
  async measure(): Promise<ForkStatus | undefined> {
    if (this.#generation === undefined) return undefined;
    const { root, blanks, scripts } = this.#generation;
    const pids = {
      root: root.pid,
      blankTemplates: blanks.templatePids,
      scriptTemplates: scripts.templatePids,
    };
    return await measureTree(pids, this.readyCount);
  }

  /** A call has evaluated this script. */
  noteEvaluation(key: string, script: string, { ms }: Loaded): void {
    this.#generation?.scripts.noteEvaluation(key, script, ms);
  }

  /** Keeps instances of these scripts waiting. Replaces the previous list. */
  provision(provisioned: readonly Provisioned[]): void {
    this.#provisioned = provisioned;
    this.#generation?.scripts.provision(provisioned);
  }

  /** Takes no more calls, and resolves once the running ones have ended. Its disposal kills them. */
  async retire(): Promise<void> {
    this.#close();
    const generation = this.#generation;
    this.#generation = undefined;
    if (generation !== undefined) this.#beginRetiring(generation);
    await Promise.all(this.#retiring.values());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    // Before its root ends: otherwise its instances count as failed.
    this.#probed?.blanks[Symbol.dispose]();
    const roots = [this.#first, ...this.#retiring.keys()].map((root) =>
      root[Symbol.asyncDispose]()
    );
    if (this.#generation !== undefined) await this.#end(this.#generation);
    await Promise.all(roots);
    this.#egressSockets[Symbol.dispose]();
  }

  #close(): void {
    clearTimeout(this.#timer);
    if (!this.#lifecycle.is("closed")) this.#lifecycle.set("closed");
  }

  #generationOf(root: Root): Generation {
    const { poolSize } = this.#limits;
    const { codeCaches, memory } = this.#shares;
    root.begin(this.#resources);
    return {
      root,
      blanks: new InstancePool(root, this.#resources, this.#egressSockets, poolSize),
      scripts: new ScriptTemplates(root, this.#resources, this.#limits, codeCaches, memory),
      socketPath: this.#resources.socket.path,
    };
  }

  #serve(generation: Generation): void {
    this.#generation = generation;
    this.#isPausing = false;
    if (!this.#lifecycle.is("serving")) this.#lifecycle.set("serving");
    generation.scripts.provision(this.#provisioned);
    generation.root.ended.then(() => this.#heal(generation));
    this.#timer = setTimeout(() => this.#renew(), this.#shares.rootLifetimeMs);
    Deno.unrefTimer(this.#timer);
  }

  /**
   * Whether the sockets of a generation were removed: with them its forks have lost the server and the network, and where
   * they are mounted no new ones appear. Replaces its root.
   */
  #isLost(generation: Generation): boolean {
    if (!isMissing(generation.socketPath)) return false;
    if (this.#isRenewing || this.#isPausing) return true;
    logger.error("the sockets of instances were removed, their root is replaced");
    clearTimeout(this.#timer);
    this.#renew();
    return true;
  }

  /** A root that does not fork is replaced, at most once in a while: what it needs may have been removed. */
  #distrust(generation: Generation): void {
    const nowMs = performance.now();
    if (this.#generation !== generation || nowMs - this.#distrustedMs < BACKOFF_MAX_MS) return;
    this.#distrustedMs = nowMs;
    clearTimeout(this.#timer);
    this.#renew();
  }

  /** Replaces a root that forks, once its successor does. Calls that run end on the old one. */
  async #renew(): Promise<void> {
    const old = this.#generation;
    if (old === undefined || this.#isRenewing) return;
    this.#isRenewing = true;
    this.#isPausing = false;
    try {
      const root = await Tree.startRoot(this.#resources);
      if (this.#generation !== old) return void await root[Symbol.asyncDispose]();
      this.#serve(this.#generationOf(root));
      this.#backoffMs = BACKOFF_MIN_MS;
      this.#beginRetiring(old);
    } catch (error) {
      if (this.#generation !== old) return;
      const backoffMs = this.#backoffMs;
      logger.error("no root started, the old one stays; next attempt in {backoffMs} ms: {error}", {
        backoffMs,
        error: String(error),
      });
      this.#backoffMs = Math.min(2 * backoffMs, BACKOFF_MAX_MS);
      this.#isPausing = true;
      this.#timer = setTimeout(() => this.#renew(), backoffMs);
      Deno.unrefTimer(this.#timer);
    } finally {
      this.#isRenewing = false;
    }
  }

  #beginRetiring(generation: Generation): void {
    this.#retiring.set(generation.root, this.#retire(generation));
  }

  /** Ends a generation with its last running instance. */
  async #retire({ root, blanks, scripts }: Generation): Promise<void> {
    blanks[Symbol.dispose]();
    scripts[Symbol.dispose]();
    await Promise.all([blanks.ended(), scripts.ended()]);
    await root[Symbol.asyncDispose]();
    this.#retiring.delete(root);
  }

  async #end({ root, blanks, scripts }: Generation): Promise<void> {
    this.#generation = undefined;
    blanks[Symbol.dispose]();
    scripts[Symbol.dispose]();
    await root[Symbol.asyncDispose]();
  }

  /** Replaces the root, whose forks have ended with it. */
  async #heal(ended: Generation): Promise<void> {
    if (this.#lifecycle.is("closed") || this.#generation !== ended) return;
    clearTimeout(this.#timer);
    this.#lifecycle.set("healing");
    logger.error("the root of all instances ended and is replaced");
    await this.#end(ended);
    await this.#restart(BACKOFF_MIN_MS);
  }

  async #restart(backoffMs: number): Promise<void> {
    try {
      const root = await Tree.startRoot(this.#resources);
      if (this.#lifecycle.is("healing")) this.#serve(this.#generationOf(root));
      else await root[Symbol.asyncDispose]();
    } catch (error) {
      if (this.#lifecycle.is("closed")) return;
      logger.error("no root started, next attempt in {backoffMs} ms: {error}", {
        backoffMs,
        error: String(error),
      });
      const next = Math.min(2 * backoffMs, BACKOFF_MAX_MS);
      this.#timer = setTimeout(() => this.#restart(next), backoffMs);
    }
  }
}
