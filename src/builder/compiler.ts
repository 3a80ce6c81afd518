/** Runs the compiler in a workspace, behind the walls, and reports the limit that it reached. */

import { formatBytes, formatDuration } from "../config/mod.ts";
import type { BuildLimits, Diagnostic } from "./contract.ts";
import { type CompilerRun, runCompiler } from "./compiler_run.ts";
import { openRegistryProxy, type Registry, type RegistryProxy } from "./registry.ts";
import type { Walls } from "./walls.ts";
import { environmentOf, writableOf } from "./environment.ts";
import type { Workspace } from "./workspace.ts";

/** The early end of a build, with its reasons for the author of the commit. */
export class BuildRejection extends Error {
  readonly diagnostics: readonly Diagnostic[];

  constructor(...diagnostics: readonly Diagnostic[]) {
    super("the commit does not build");
    this.diagnostics = diagnostics;
  }
}

/** A run that ended by itself. */
export type Exited = Extract<CompilerRun, { kind: "exited" }>;

/** The compiler of one build. */
export class Compiler {
  /** Whether the package registry failed in a run. */
  registryHasFailed = false;

  constructor(
    private readonly workspace: Workspace,
    private readonly walls: Walls,
    private readonly registry: Registry,
    private readonly limits: BuildLimits,
    private readonly signal: AbortSignal,
  ) {}

  /** Runs without a network. @throws {BuildRejection} for a reached limit @throws {CompilerKilled} */
  run(args: readonly string[]): Promise<Exited> {
    return this.#run(args, undefined);
  }

  /**
   * Runs with a connection to the package registry alone.
   *
   * @throws {BuildRejection} for a reached limit, and for a download from another host
   * @throws {CompilerKilled}
   */
  async runWithRegistry(
    args: readonly string[],
    maxDownloadBytes = this.limits.maxDownloadBytes,
  ): Promise<Exited> {
    using proxy = openRegistryProxy(this.registry, this.walls.sockets, { maxDownloadBytes });
    const run = this.#run(args, proxy);
    const result = await run.catch((error) => {
      throw proxy.fault === undefined ? error : new BuildRejection({ message: proxy.fault });
    });
    this.registryHasFailed ||= proxy.hasFailed;
    if (proxy.fault !== undefined) throw new BuildRejection({ message: proxy.fault });
    return result;
  }

  async #run(args: readonly string[], proxy: RegistryProxy | undefined): Promise<Exited> {
    const { workspace, walls: { isolation, setsid }, limits, signal } = this;
    const inside = proxy && isolation.egressPathInside(proxy.socketPath);
    const env = {
      ...environmentOf(workspace, inside),
      NPM_CONFIG_REGISTRY: this.registry.url,
    };
    const result = await runCompiler({
      command: isolation.wrap([Deno.execPath(), ...args], {
        dataBytes: limits.memoryBytes,
        env,
        cwd: workspace.source,
        writable: writableOf(workspace),
        ...proxy && { egressSocket: proxy.socketPath },
      }),
      cwd: workspace.source,
      env,
      setsid,
      isWrapped: isolation.expected.ownProcessNamespace,
      signal,
    });
    if (result.kind === "exited") {
      assertDiskHadSpace(result);
      return result;
    }
    throw new BuildRejection({ message: limitReached(result.kind, limits) });
  }
}

/** Messages of Deno and esbuild on a disk that takes no writes, by the code of the system. */
const DISK_MESSAGES = {
  ENOSPC: /\(os error 28\)|no space left on device/i,
  EDQUOT: /\(os error 122\)|disk quota exceeded/i,
} as const;

/** @throws an error with the code of the system if the compiler failed because the disk is full: not a fault of the commit */
function assertDiskHadSpace({ code: exitCode, stderr }: Exited): void {
  if (exitCode === 0) return;
  for (const [code, message] of Object.entries(DISK_MESSAGES)) {
    if (message.test(stderr)) throw Object.assign(new Error(stderr.trim()), { code });
  }
}

function limitReached(
  kind: Exclude<CompilerRun["kind"], "exited">,
  { timeoutMs, memoryBytes }: BuildLimits,
): string {
  switch (kind) {
    case "timeout":
      return "the build took longer than its limit of " +
        `${formatDuration(timeoutMs)} (--build-timeout)`;
    case "outOfMemory":
      return "the build needs more memory than its limit of " +
        `${formatBytes(memoryBytes)} (--build-memory)`;
    case "outOfStack":
      return "Cannot build: the code is nested too deeply; flatten it";
    case "tooMuchOutput":
      return "the module graph of the commit is too large";
  }
}
