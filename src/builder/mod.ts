/** The builder room: see `contract.ts`. */

export * from "./contract.ts";
export { formatDiagnostic } from "./diagnostics.ts";
export { registryOf } from "./registry.ts";

import { getLogger } from "@logtape/logtape";
import { buildIn } from "./build.ts";
import { fetchBundler } from "./bundler.ts";
import { Compiler, Refusal } from "./compiler.ts";
import type { Builder, BuildLimits, BuildResult, SourceFiles } from "./contract.ts";
import { refused } from "./diagnostics.ts";
import { Gate } from "./gate.ts";
import { pathSetFault } from "./paths.ts";
import { timeout } from "./process.ts";
import { openRegistry } from "./registry.ts";
import { raiseWalls, type WallOptions, type Walls } from "./walls.ts";
import { openWorkspace } from "./workspace.ts";

const logger = getLogger(["invoked", "builder"]);

/** Where a builder works. Both directories are private ones of the server, made when missing. */
export interface BuilderOptions extends WallOptions {
  /** For the builds under way. */
  readonly workDir: string;
  /** For downloads that builds share (npm packages, the bundler). */
  readonly cacheDir: string;
  /** URL of the package registry, see {@link registryOf}. */
  readonly registry: string;
}

/** Makes a builder that runs the Deno of this process ({@link Deno.execPath}) as its compiler. */
export function createBuilder(limits: BuildLimits, options: BuilderOptions): Builder {
  return new CompilingBuilder(limits, options);
}

class CompilingBuilder implements Builder {
  readonly #limits: BuildLimits;
  readonly #options: BuilderOptions;
  readonly #gate: Gate;
  readonly #registry;
  #raising: Promise<Walls> | undefined;
  #walls: Walls | undefined;

  constructor(limits: BuildLimits, options: BuilderOptions) {
    this.#limits = limits;
    this.#options = options;
    this.#gate = new Gate(limits.concurrency);
    this.#registry = openRegistry(options.registry);
  }

  async start(): Promise<void> {
    await this.#raise();
  }

  get walls(): string {
    return this.#walls?.isolation.walls ?? "not started";
  }

  async build(files: SourceFiles, signal: AbortSignal): Promise<BuildResult> {
    const fault = pathSetFault([...files.keys()]);
    if (fault) {
      return refused({ message: `Cannot build ${JSON.stringify(fault.path)}: ${fault.fault}` });
    }
    if (!files.has("main.ts")) {
      return refused({ message: "Cannot build: the commit has no main.ts" });
    }
    using _place = await this.#gate.enter(signal);
    const walls = await this.#raise();
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(timeout), this.#limits.timeoutMs);
    const started = performance.now();
    try {
      const result = await this.#buildBehind(
        walls,
        files,
        AbortSignal.any([signal, deadline.signal]),
      );
      const milliseconds = Math.round(performance.now() - started);
      logger.debug("build of {files} files {kind} in {milliseconds} ms", {
        files: files.size,
        kind: result.kind,
        milliseconds,
      });
      return result;
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const walls = await this.#raising?.catch(() => undefined);
    await walls?.[Symbol.asyncDispose]();
    this.#registry.client.close();
  }

  async #buildBehind(walls: Walls, files: SourceFiles, signal: AbortSignal): Promise<BuildResult> {
    const limits = this.#limits;
    const { url: registry } = this.#registry;
    try {
      await using empty = await openWorkspace(new Map(), this.#options);
      await fetchBundler(empty, new Compiler(empty, walls, this.#registry, limits, signal));
    } catch (error) {
      if (error instanceof Refusal) return refused(...error.diagnostics);
      throw error;
    }
    await using workspace = await openWorkspace(files, this.#options);
    const compiler = new Compiler(workspace, walls, this.#registry, limits, signal);
    return await buildIn(workspace, files, { limits, compiler, registry });
  }

  async #raise(): Promise<Walls> {
    this.#raising ??= raiseWalls(this.#options);
    this.#walls = await this.#raising;
    return this.#walls;
  }
}
