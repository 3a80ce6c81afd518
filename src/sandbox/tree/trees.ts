/**
 * The trees of all memory classes. V8 reads the limit of its heap when a process starts, and no fork can change it. So
 * the invocations that a zygote forks share its heap limit: each class has a zygote of its own. The other limits of an
 * invocation are exact in every class.
 */
import type { ForkStatus, Provisioned, SandboxLimits } from "../contract.ts";
import type { Loaded } from "../instance/frames.ts";
import type { Instance } from "../instance/instance.ts";
import type { ResourceLimits } from "../instance/process.ts";
import { CLASS_UNUSED_MS, ClassTree } from "./class_tree.ts";
import { CodeCaches, type TakeGeneric } from "./code_caches.ts";
import { sumOf } from "./memory.ts";
import { PoolMemory } from "./pool_memory.ts";
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
  readonly #classes: readonly number[];
  /** By class, without the default. */
  readonly #others: ReadonlyMap<number, ClassTree>;
  readonly codeCaches: CodeCaches;
  /** Whether forks have been checked and work. */
  #canFork = false;
  #provisioned: readonly Provisioned[] = [];

  /** @param zygote the first one of the default class, of which the tree takes ownership */
  constructor(
    zygote: Zygote,
    resources: TreeResources,
    limits: SandboxLimits,
    { zygoteLifetimeMs = ROOT_LIFETIME_MS, classUnusedMs = CLASS_UNUSED_MS }: ZygoteAges,
  ) {
    // V8 takes a code cache also under another limit of its heap.
    this.codeCaches = new CodeCaches(() => this.#default.take(undefined, limits));
    const memory = new PoolMemory(limits.poolMemoryBytes);
    const shares: TreeShares = { codeCaches: this.codeCaches, memory, zygoteLifetimeMs };
    this.#default = new Tree(zygote, resources, limits, shares);
    this.#classes = memoryClasses(limits);
    const [, ...others] = this.#classes;
    this.#others = new Map(others.map((classBytes) => [
      classBytes,
      new ClassTree({ ...resources, classBytes }, limits, shares, classUnusedMs),
    ]));
  }

  get readyCount(): number {
    let count = this.#default.readyCount;
    for (const { readyCount } of this.#others.values()) count += readyCount;
    return count;
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
  async take(key: string | undefined, limits: ResourceLimits): Promise<Instance | undefined> {
    return this.#canFork ? await this.#treeFor(limits.memoryBytes)?.take(key, limits) : undefined;
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
    const trees = [this.#default, ...this.#others.values()];
    const measured = await Promise.all(trees.map((tree) => tree.measure()));
    return sumOf(measured.filter((status) => status !== undefined));
  }

  /**
   * An invocation has evaluated this script. Creates its code cache if the script may need one.
   * @param memoryBytes of the invocation
   */
  noteEvaluation(key: string, script: string, loaded: Loaded, memoryBytes: number): void {
    if (loaded.hasRejectedCache) this.codeCaches.reject(key);
    this.#treeFor(memoryBytes)?.noteEvaluation(key, script, loaded);
    this.codeCaches.make(key, script);
  }

  /** Keeps instances of these scripts waiting, each in the class of its invocations. Replaces the previous list. */
  provision(provisioned: readonly Provisioned[]): void {
    this.#provisioned = provisioned;
    const [defaultClass = 0] = this.#classes;
    const of = (classBytes: number) =>
      provisioned.filter(({ memoryBytes = defaultClass }) =>
        memoryClassOf(memoryBytes, this.#classes) === classBytes
      );
    this.#default.provision(of(defaultClass));
    if (!this.#canFork) return;
    for (const [classBytes, tree] of this.#others) tree.provision(of(classBytes));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const trees = [this.#default, ...this.#others.values()];
    await Promise.all(trees.map((tree) => tree[Symbol.asyncDispose]()));
  }

  #treeFor(memoryBytes: number): Tree | ClassTree | undefined {
    const classBytes = memoryClassOf(memoryBytes, this.#classes);
    if (classBytes === this.#classes[0]) return this.#default;
    return classBytes === undefined ? undefined : this.#others.get(classBytes);
  }
}

/** The class after those of less memory; each further one doubles. */
const SMALLEST_BYTES = 128 * 1024 * 1024;

/**
 * The heap limits of the classes in bytes, in ascending order: the default, for all invocations up to it; then 128 MiB,
 * 256 MiB, 512 MiB and so on, as far as they are between the default and the maximum; then the maximum.
 */
export function memoryClasses(
  { memoryBytes, maxMemoryBytes = memoryBytes }: Pick<
    SandboxLimits,
    "memoryBytes" | "maxMemoryBytes"
  >,
): readonly number[] {
  const classes = [memoryBytes];
  for (let bytes = SMALLEST_BYTES; bytes < maxMemoryBytes; bytes *= 2) {
    if (bytes > memoryBytes) classes.push(bytes);
  }
  return maxMemoryBytes > memoryBytes ? [...classes, maxMemoryBytes] : classes;
}

/** The smallest class that has the memory of an invocation; undefined beyond the maximum. */
export function memoryClassOf(
  memoryBytes: number,
  classes: readonly number[],
): number | undefined {
  return classes.find((bytes) => bytes >= memoryBytes);
}
