/** Runs the compiler in a workspace, in isolation, and reports the limit that it reached. */

import { formatBytes, formatDuration } from "../config/mod.ts";
import type { BuildLimits, Diagnostic, Unchecked, UncheckedReason } from "./contract.ts";
import { type CompilerRun, runCompiler } from "./compiler_run.ts";
import { type Registry, type RegistryError, RegistryProxy } from "./registry.ts";
import type { CompilerIsolation } from "./isolation.ts";
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

/** A build or a type check that reached one of its limits. */
export class LimitReached extends BuildRejection {
  constructor(
    /** What a type check reports: it has found no error in the types. */
    readonly unchecked: Unchecked,
  ) {
    super({ message: unchecked.message });
  }
}

/** A run that ended by itself. */
export type Exited = Extract<CompilerRun, { kind: "exited" }>;

/** The process that runs the compiler. A type check has its own memory limit. */
export type Work = "build" | "type check";

/**
 * Addresses that V8 reserves for machine code when it starts. The kernel counts the reservation as memory, although a
 * type check uses 10 MiB of it; without this addition half of a limit of 1 GiB would be lost.
 */
const CODE_RANGE_BYTES = { x86_64: 512 * 1024 ** 2, aarch64: 128 * 1024 ** 2 } as const;

/** The compiler of one build or type check. */
export class Compiler {
  /** Whether the package registry failed in a run. */
  registryHasFailed = false;

  constructor(
    private readonly workspace: Workspace,
    private readonly isolation: CompilerIsolation,
    private readonly registry: Registry,
    private readonly limits: BuildLimits,
    private readonly signal: AbortSignal,
    private readonly work: Work,
  ) {}

  /** Runs without a network. @throws {LimitReached} @throws {CompilerKilled} */
  run(args: readonly string[]): Promise<Exited> {
    return this.#run(args, undefined);
  }

  /**
   * Runs with a connection to the package registry alone.
   *
   * @throws {LimitReached}
   * @throws {BuildRejection} for a download from another host
   * @throws {CompilerKilled}
   */
  async runWithRegistry(
    args: readonly string[],
    maxDownloadBytes = this.limits.maxDownloadBytes,
  ): Promise<Exited> {
    using proxy = new RegistryProxy(this.registry, this.isolation.sockets, maxDownloadBytes);
    const run = this.#run(args, proxy);
    const result = await run.catch((error) => {
      throw proxy.error === undefined ? error : denied(proxy.error);
    });
    this.registryHasFailed ||= proxy.hasFailed;
    if (proxy.error !== undefined) throw denied(proxy.error);
    return result;
  }

  async #run(args: readonly string[], proxy: RegistryProxy | undefined): Promise<Exited> {
    const { workspace, isolation: { isolation, setsid }, signal } = this;
    const inside = proxy && isolation.egressPathInside(proxy.socketPath);
    const env = {
      ...environmentOf(workspace, inside),
      NPM_CONFIG_REGISTRY: this.registry.url,
    };
    const result = await runCompiler({
      command: isolation.wrap([Deno.execPath(), ...args], {
        dataBytes: this.#dataBytes,
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
    throw new LimitReached(limitReached(result.kind, this.work, this.limits));
  }

  get #dataBytes(): number {
    const { buildMemoryBytes, checkMemoryBytes } = this.limits;
    return this.work === "build"
      ? buildMemoryBytes
      : checkMemoryBytes + CODE_RANGE_BYTES[Deno.build.arch];
  }
}

/** Messages of Deno and esbuild on a disk that takes no writes, by the code of the system. */
const DISK_MESSAGES = {
  ENOSPC: /\(os error 28\)|no space left on device/i,
  EDQUOT: /\(os error 122\)|disk quota exceeded/i,
} as const;

/** @throws an error with the code of the system if the compiler failed because the disk is full: not an error of the commit */
function assertDiskHadSpace({ code: exitCode, stderr }: Exited): void {
  if (exitCode === 0) return;
  for (const [code, message] of Object.entries(DISK_MESSAGES)) {
    if (message.test(stderr)) throw Object.assign(new Error(stderr.trim()), { code });
  }
}

/** The end of a run whose download was denied: one of too many bytes has reached a limit. */
function denied({ isLimit, message }: RegistryError): BuildRejection {
  return isLimit
    ? new LimitReached({ reason: "TOO_LARGE", message })
    : new BuildRejection({ message });
}

const REASONS = {
  timeout: "TIMEOUT",
  outOfMemory: "OUT_OF_MEMORY",
  outOfStack: "TOO_COMPLEX",
  tooMuchOutput: "TOO_LARGE",
} as const satisfies Record<Exclude<CompilerRun["kind"], "exited">, UncheckedReason>;

function limitReached(kind: keyof typeof REASONS, work: Work, limits: BuildLimits): Unchecked {
  return { reason: REASONS[kind], message: limitMessage(kind, work, limits) };
}

function limitMessage(
  kind: keyof typeof REASONS,
  work: Work,
  { timeoutMs, buildMemoryBytes, checkMemoryBytes }: BuildLimits,
): string {
  switch (kind) {
    case "timeout":
      return `the ${work} took longer than its limit of ${
        formatDuration(timeoutMs)
      } (--build-timeout)`;
    case "outOfMemory": {
      const [bytes, setting] = work === "build"
        ? [buildMemoryBytes, "--build-memory"]
        : [checkMemoryBytes, "--check-memory"];
      return `the ${work} needs more memory than its limit of ${formatBytes(bytes)} (${setting})`;
    }
    case "outOfStack":
      return "the code is nested too deeply; flatten it";
    case "tooMuchOutput":
      return "the module graph of the commit is too large";
  }
}
