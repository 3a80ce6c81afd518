/** The tree of a memory class above the default, which exists while invocations need it. */
import { getLogger } from "@logtape/logtape";
import { Lifecycle } from "../../shared/lifecycle.ts";
import type { Provisioned, SandboxLimits } from "../contract.ts";
import { formatMemory } from "../instance/process.ts";
import type { TreeResources } from "./zygote.ts";
import { Tree, type TreeShares } from "./tree.ts";

/** Pause after the first failed start of a zygote. Doubles with each further one. */
const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 60_000;
/** Time without an invocation of the class after which its zygote ends. */
export const CLASS_UNUSED_MS = 600_000;

const logger = getLogger(["invoked", "sandbox"]);

/**
 * Modes:
 * - `unused`: without a zygote; the next invocation starts one
 * - `starting`: the zygote starts
 * - `serving`: instances are forked
 * - `closed`: disposed; everything is killed
 *
 * Invocations spawn processes of their own while it does not serve.
 */
export class ClassTree implements AsyncDisposable {
  readonly #lifecycle = new Lifecycle("the tree of a memory class", "unused", {
    unused: ["starting", "closed"],
    starting: ["serving", "unused", "closed"],
    serving: ["unused", "closed"],
    closed: [],
  });
  /** The last start. */
  #starting: Promise<void> | undefined;
  /** Undefined while no zygote forks. */
  tree: Tree | undefined;
  /** Trees that were given up and still have running instances. */
  readonly #retiring = new Set<Tree>();
  #provisioned: readonly Provisioned[] = [];
  /** Time of the last invocation. */
  #usedMs = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #backoffMs = BACKOFF_MIN_MS;
  /** No zygote is started before, because the last one did not start. */
  #pausedUntilMs = -Infinity;

  /**
   * @param limits without instances that wait without code: these are made when invocations need them
   * @param unusedMs time without an invocation after which the zygote ends
   */
  constructor(
    private readonly resources: TreeResources,
    private readonly limits: SandboxLimits,
    private readonly shares: TreeShares,
    private readonly unusedMs: number,
  ) {}

  /** The tree, for an invocation; undefined while no zygote forks: then one starts in the background. */
  use(): Tree | undefined {
    this.#usedMs = performance.now();
    this.#begin();
    return this.tree;
  }

  /** The same, once the start of a zygote has ended. */
  async started(): Promise<Tree | undefined> {
    this.use();
    await this.#starting;
    return this.tree;
  }

  /** Keeps instances of these scripts waiting, and the zygote with them. Replaces the previous list. */
  provision(provisioned: readonly Provisioned[]): void {
    this.#provisioned = provisioned;
    this.tree?.provision(provisioned);
    this.look();
  }

  /** Replaces a zygote whose forks cannot reach the server, and starts one for what is provisioned. */
  look(): void {
    this.tree?.look();
    if (this.#provisioned.length > 0) this.#begin();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifecycle.set("closed");
    clearTimeout(this.#timer);
    const trees = [...this.#retiring, ...this.tree === undefined ? [] : [this.tree]];
    await Promise.all(trees.map((tree) => tree[Symbol.asyncDispose]()));
    await this.#starting;
  }

  #begin(): void {
    if (!this.#lifecycle.is("unused") || performance.now() < this.#pausedUntilMs) return;
    this.#lifecycle.set("starting");
    this.#starting = this.#start();
  }

  async #start(): Promise<void> {
    const memory = formatMemory(this.resources.maxima);
    try {
      const zygote = await Tree.startZygote(this.resources);
      const tree = new Tree(zygote, this.resources, this.limits, this.shares);
      const failure = await tree.start();
      if (failure !== undefined) throw new Error(failure);
      if (this.#lifecycle.is("closed")) return await tree[Symbol.asyncDispose]();
      this.#lifecycle.set("serving");
      this.tree = tree;
      tree.provision(this.#provisioned);
      this.#backoffMs = BACKOFF_MIN_MS;
      this.#endLater(this.unusedMs);
      logger.debug("a zygote for invocations of up to {memory} has started", { memory });
    } catch (error) {
      if (this.#lifecycle.is("closed")) return;
      this.#lifecycle.set("unused");
      this.#pausedUntilMs = performance.now() + this.#backoffMs;
      logger.error(
        "no zygote for invocations of up to {memory} started, next attempt in {backoffMs} ms; " +
          "such invocations start a process each: {error}",
        { memory, backoffMs: this.#backoffMs, error: String(error) },
      );
      this.#backoffMs = Math.min(2 * this.#backoffMs, BACKOFF_MAX_MS);
    }
  }

  #endLater(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#endUnused(), ms);
    Deno.unrefTimer(this.#timer);
  }

  /** Ends the zygote once no invocation has needed it for long. Running invocations end on it. */
  async #endUnused(): Promise<void> {
    const tree = this.tree;
    if (tree === undefined) return;
    const leftMs = this.#usedMs + this.unusedMs - performance.now();
    if (leftMs > 0 || this.#provisioned.length > 0) {
      return this.#endLater(leftMs > 0 ? leftMs : this.unusedMs);
    }
    this.#lifecycle.set("unused");
    this.tree = undefined;
    this.#retiring.add(tree);
    await tree.retire();
    await tree[Symbol.asyncDispose]();
    this.#retiring.delete(tree);
  }
}
