/**
 * The trees of all memory classes. V8 reads the limit of its heap when a process starts, and no fork can change it. So
 * the invocations that a zygote forks share its heap limit: each class has a zygote of its own. The other limits of an
 * invocation are exact in every class.
 */
import { Sema } from "async-sema";
import type { StackMapReader } from "../../shared/stack.ts";
import type {
  ForkStatus,
  LoadReport,
  MemoryLimit,
  Provisioned,
  ReportedScript,
  SandboxLimits,
} from "../contract.ts";
import type { Loaded } from "../instance/frames.ts";
import type { Instance } from "../instance/instance.ts";
import { memoryClasses, memoryClassOf, type ResourceLimits } from "../instance/process.ts";
import { CLASS_UNUSED_MS, ClassTree } from "./class_tree.ts";
import { CodeCaches, type TakeGeneric } from "./code_caches.ts";
import { sumOf } from "./memory.ts";
import { PoolMemory } from "./pool_memory.ts";
import type { ScriptSource, TemplateChoice } from "./script_source.ts";
import type { TreeResources, Zygote } from "./zygote.ts";
import { Tree, type TreeShares } from "./tree.ts";

const ROOT_LIFETIME_MS = 24 * 3_600_000;

/** Ages of zygotes, each with a default. */
export interface ZygoteAges {
  /** Age at which a zygote is replaced. */
  readonly zygoteLifetimeMs?: number | undefined;
  /** Time without an invocation after which the zygote of a memory class above the default ends. */
  readonly classUnusedMs?: number | undefined;
}

/**
 * The tree of the default class forks from the start of the server on, and shows whether forks work on this machine.
 * The trees of the other classes start when invocations need them: their zygotes cost memory.
 */
export class Trees implements AsyncDisposable {
  readonly #default: Tree;
  /** The default, then the others. */
  readonly #classes: ReturnType<typeof memoryClasses>;
  /** By class, without the default. */
  readonly #others: ReadonlyMap<ResourceLimits, ClassTree>;
  readonly codeCaches: CodeCaches;
  /** Whether forks have been checked and work. */
  #canFork = false;
  #provisioned: readonly Provisioned[] = [];
  /** Evaluations for reports, one at a time: invocations go first. */
  readonly #reporting = new Sema(1);

  /** @param zygote the first one of the default class, of which the tree takes ownership */
  constructor(
    zygote: Zygote,
    resources: TreeResources,
    limits: SandboxLimits,
    { zygoteLifetimeMs = ROOT_LIFETIME_MS, classUnusedMs = CLASS_UNUSED_MS }: ZygoteAges,
  ) {
    // V8 takes a code cache also under another limit of its heap.
    this.codeCaches = new CodeCaches(() => this.#default.take(undefined, limits, false));
    const memory = new PoolMemory(limits.poolMemoryBytes);
    const shares: TreeShares = { codeCaches: this.codeCaches, memory, zygoteLifetimeMs };
    this.#default = new Tree(zygote, resources, limits, shares);
    this.#classes = memoryClasses(limits);
    const [, ...others] = this.#classes;
    this.#others = new Map(others.map((maxima) => [
      maxima,
      new ClassTree({ ...resources, maxima }, { ...limits, poolSize: 0 }, shares, classUnusedMs),
    ]));
  }

  get readyCount(): number {
    return this.#trees.reduce((sum, { readyCount }) => sum + readyCount, 0);
  }

  /** Lets the zygote of the default class fork; see {@link Tree.start}. */
  async start(
    probe: (take: TakeGeneric) => Promise<string | undefined>,
  ): Promise<string | undefined> {
    const error = await this.#default.start(probe);
    this.#canFork = error === undefined;
    if (this.#canFork) this.provision(this.#provisioned);
    return error;
  }

  /** Takes an instance of the class of these limits; undefined while no zygote of the class forks. */
  async take(
    choice: TemplateChoice | undefined,
    limits: ResourceLimits,
    usesNetwork: boolean,
  ): Promise<Instance | undefined> {
    if (!this.#canFork) return undefined;
    const found = this.#treeFor(limits);
    const tree = found instanceof ClassTree ? found.use() : found;
    return await tree?.take(choice, limits, usesNetwork);
  }

  /** Whether the zygote of the default class forks. */
  get isServing(): boolean {
    return this.#default.isServing;
  }

  /** Replaces zygotes whose forks cannot reach the server. */
  look(): void {
    this.#default.look();
    if (!this.#canFork) return;
    for (const tree of this.#others.values()) tree.look();
  }

  /** Counts the processes and the memory of all classes; undefined while no zygote forks. */
  async measure(): Promise<ForkStatus | undefined> {
    const measured = await Promise.all(this.#trees.map((tree) => tree.measure()));
    return sumOf(measured.filter((status) => status !== undefined));
  }

  /**
   * An invocation has evaluated this script. Creates its code cache if the script may need one.
   * @param limit the memory limit of the invocation
   */
  noteEvaluation(source: ScriptSource, loaded: Loaded, limit: MemoryLimit): void {
    const { key, script } = source;
    if (loaded.hasRejectedCache) this.codeCaches.reject(key);
    const found = this.#treeFor(limit);
    const tree = found instanceof ClassTree ? found.tree : found;
    tree?.noteEvaluation(source, loaded);
    this.codeCaches.make(key, script);
  }

  /** Evaluates a script for a report, in the class of its invocations; undefined while no zygote of the class forks. */
  async report(
    script: ReportedScript,
    stackMap: StackMapReader,
    signal: AbortSignal,
  ): Promise<LoadReport | undefined> {
    if (!this.#canFork) return undefined;
    await this.#reporting.acquire();
    try {
      const found = this.#treeFor(script);
      const tree = found instanceof ClassTree ? await found.started() : found;
      return await tree?.report(script, stackMap, signal);
    } finally {
      this.#reporting.release();
    }
  }

  /** Keeps instances of these scripts waiting, each in the class of its invocations. Replaces the previous list. */
  provision(provisioned: readonly Provisioned[]): void {
    this.#provisioned = provisioned;
    const of = (tree: Tree | ClassTree) =>
      provisioned.filter((script) => this.#treeFor(script) === tree);
    this.#default.provision(of(this.#default));
    if (!this.#canFork) return;
    for (const tree of this.#others.values()) tree.provision(of(tree));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const trees = [this.#default, ...this.#others.values()];
    await Promise.all(trees.map((tree) => tree[Symbol.asyncDispose]()));
  }

  /** That of the default class, and of each other class whose zygote forks. */
  get #trees(): readonly Tree[] {
    const others = Array.from(this.#others.values(), ({ tree }) => tree);
    return [this.#default, ...others].filter((tree) => tree !== undefined);
  }

  #treeFor(limit: MemoryLimit): Tree | ClassTree | undefined {
    const memoryClass = memoryClassOf(limit, this.#classes);
    if (memoryClass === this.#classes[0]) return this.#default;
    return memoryClass && this.#others.get(memoryClass);
  }
}
