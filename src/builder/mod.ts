/** The builder: see `contract.ts`. */

export * from "./contract.ts";
export { ENTRY, TEST_ENTRY } from "./build.ts";
export { copyBundler } from "./bundler.ts";
export { formatDiagnostic } from "./diagnostics.ts";
export { registryOf } from "./registry.ts";
export { readSdk, type SdkSources } from "./sdk.ts";
export { sdkTypes } from "./types.ts";

import { getLogger } from "@logtape/logtape";
import { type BuildContext, buildIn, ENTRY, TEST_ENTRY } from "./build.ts";
import { fetchBundler, hasBundler } from "./bundler.ts";
import { BuildRejection, Compiler, type Work } from "./compiler.ts";
import type {
  Builder,
  BuildGoal,
  BuildLimits,
  BuildResult,
  Diagnostic,
  PackageTypes,
  ResolvedPackages,
  SourceFiles,
  TypeCheckResult,
} from "./contract.ts";
import { rejected } from "./diagnostics.ts";
import { BoundedSlots } from "../shared/bounded_slots.ts";
import type { Config } from "../config/mod.ts";
import { Lazy } from "../shared/lazy.ts";
import { pathSetViolation } from "./paths.ts";
import { timeout } from "./compiler_run.ts";
import { openRegistry } from "./registry.ts";
import { resolvePackagesIn, treeOf } from "./resolve_types.ts";
import { SourceTree } from "./source_tree.ts";
import { checked, checkTypesIn } from "./type_check.ts";
import { packageTypes } from "./types.ts";
import {
  type CompilerIsolation,
  type CompilerIsolationOptions,
  isolateCompiler,
} from "./isolation.ts";
import { openWorkspace, type Workspace } from "./workspace.ts";

const logger = getLogger(["invoked", "builder"]);

/** Where a builder works. Both directories are the server's own; the builder creates them. */
export interface BuilderOptions extends CompilerIsolationOptions {
  /** For the running builds. */
  readonly workDir: string;
  /** For downloads that builds share (npm packages, the bundler). */
  readonly cacheDir: string;
  /** URL of the package registry, see {@link registryOf}. */
  readonly registry: string;
  /** Called after each build. @param durationMs with its wait for a slot */
  readonly onBuild?: ((durationMs: number, end: BuildEnd) => void) | undefined;
}

/** How a build has ended; `failed` for an error of the server, or a build that was aborted. */
type BuildEnd = BuildResult["kind"] | "failed";

/** The limits that the settings of the server set. */
export function buildLimits(
  { memoryBytes, maxArtifactBytes, ...builder }: Config["builder"],
): BuildLimits {
  return { ...builder, buildMemoryBytes: memoryBytes, artifactBytes: maxArtifactBytes };
}

/** Creates a builder that runs the Deno of this process ({@link Deno.execPath}) as its compiler. */
export function createBuilder(limits: BuildLimits, options: BuilderOptions): Builder {
  return new CompilingBuilder(limits, options);
}

class CompilingBuilder implements Builder {
  readonly #builds: BoundedSlots;
  /** Separate, because a check takes longer than a build and must not delay one. */
  readonly #checks = new BoundedSlots(1);
  /** Separate, because an author waits for the types of a package while others build and check. */
  readonly #resolutions = new BoundedSlots(1);
  readonly #registry;
  readonly #raising = new Lazy(async () => this.#isolation = await isolateCompiler(this.options));
  #isolation: CompilerIsolation | undefined;

  constructor(private readonly limits: BuildLimits, private readonly options: BuilderOptions) {
    this.#builds = new BoundedSlots(limits.concurrency);
    this.#registry = openRegistry(options.registry);
  }

  async start(): Promise<void> {
    await this.#raising.get();
  }

  get walls(): string {
    return this.#isolation?.isolation.description ?? "not started";
  }

  async build(
    files: SourceFiles,
    signal: AbortSignal,
    goal: BuildGoal = "function",
  ): Promise<BuildResult> {
    const begunMs = performance.now();
    let end: BuildEnd = "failed";
    try {
      const result = await this.#build(files, signal, goal);
      end = result.kind;
      return result;
    } finally {
      this.options.onBuild?.(performance.now() - begunMs, end);
    }
  }

  async #build(files: SourceFiles, signal: AbortSignal, goal: BuildGoal): Promise<BuildResult> {
    const tree = treeOfCommit(files, goal);
    if (!(tree instanceof SourceTree)) return rejected(tree);
    return await this.#within(this.#builds, signal, async (isolation, deadline) => {
      const started = performance.now();
      const result = await this.#buildIsolated(isolation, tree, deadline, goal);
      const milliseconds = Math.round(performance.now() - started);
      logger.debug("build of {files} files for its {goal} {kind} in {milliseconds} ms", {
        files: files.size,
        goal,
        kind: result.kind,
        milliseconds,
      });
      return result;
    });
  }

  async checkTypes(files: SourceFiles, signal: AbortSignal): Promise<TypeCheckResult> {
    const tree = treeOfCommit(files, "function");
    if (!(tree instanceof SourceTree)) return checked(tree);
    return await this.#within(this.#checks, signal, async (isolation, deadline) => {
      await using workspace = await openWorkspace(tree.files, this.options);
      const compiler = this.#compiler(workspace, isolation, deadline, "type check");
      return await checkTypesIn(this.#context(workspace, tree, compiler));
    });
  }

  packageTypes(lock: string): Promise<PackageTypes> {
    return packageTypes(lock, this.options);
  }

  async resolvePackages(
    packages: readonly string[],
    lock: string | undefined,
    signal: AbortSignal,
  ): Promise<ResolvedPackages> {
    const tree = treeOf(packages, lock);
    return await this.#within(this.#resolutions, signal, async (isolation, deadline) => {
      await using workspace = await openWorkspace(tree.files, this.options);
      const compiler = this.#compiler(workspace, isolation, deadline);
      return await resolvePackagesIn(this.#context(workspace, tree, compiler), packages);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isolation = await this.#raising.held?.catch(() => undefined);
    await isolation?.[Symbol.asyncDispose]();
    this.#registry.client.close();
  }

  /** Waits for a slot, and works in isolation until the deadline. */
  async #within<T>(
    slots: BoundedSlots,
    signal: AbortSignal,
    work: (isolation: CompilerIsolation, deadline: AbortSignal) => Promise<T>,
  ): Promise<T> {
    using _slot = await slots.acquire(signal);
    const isolation = await this.#raising.get();
    await isolation.restore();
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(timeout), this.limits.timeoutMs);
    try {
      return await work(isolation, AbortSignal.any([signal, deadline.signal]));
    } finally {
      clearTimeout(timer);
    }
  }

  async #buildIsolated(
    isolation: CompilerIsolation,
    tree: SourceTree,
    signal: AbortSignal,
    goal: BuildGoal,
  ): Promise<BuildResult> {
    try {
      if (!await hasBundler(this.options.cacheDir)) await this.#fetchBundler(isolation, signal);
    } catch (error) {
      if (error instanceof BuildRejection) return rejected(...error.diagnostics);
      throw error;
    }
    await using workspace = await openWorkspace(tree.files, this.options);
    const compiler = this.#compiler(workspace, isolation, signal);
    return await buildIn(this.#context(workspace, tree, compiler), goal);
  }

  async #fetchBundler(isolation: CompilerIsolation, signal: AbortSignal): Promise<void> {
    await using workspace = await openWorkspace(undefined, this.options);
    await fetchBundler(workspace, this.#compiler(workspace, isolation, signal));
  }

  #compiler(
    workspace: Workspace,
    isolation: CompilerIsolation,
    signal: AbortSignal,
    work: Work = "build",
  ): Compiler {
    return new Compiler(workspace, isolation, this.#registry, this.limits, signal, work);
  }

  #context(workspace: Workspace, tree: SourceTree, compiler: Compiler): BuildContext {
    return { workspace, tree, limits: this.limits, compiler, registry: this.#registry.url };
  }
}

/** The author's tree of these files, or why the compiler does not start for them. */
function treeOfCommit(files: SourceFiles, goal: BuildGoal): SourceTree | Diagnostic {
  const error = pathSetViolation([...files.keys()]);
  if (error !== undefined) {
    return { message: `Invalid path ${JSON.stringify(error.path)}: ${error.violation}` };
  }
  const needed = goal === "tests" ? [ENTRY, TEST_ENTRY] : [ENTRY];
  const missing = needed.find((entry) => !files.has(entry));
  return missing === undefined ? SourceTree.of(files) : { message: `the commit has no ${missing}` };
}
