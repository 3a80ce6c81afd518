/** The builder room: see `contract.ts`. */

export * from "./contract.ts";
export { formatDiagnostic } from "./diagnostics.ts";

import { getLogger } from "@logtape/logtape";
import type { Builder, BuildLimits, BuildResult, Diagnostic, SourceFiles } from "./contract.ts";
import { refused } from "./diagnostics.ts";
import { Gate } from "./gate.ts";
import { pathSetFault } from "./paths.ts";
import { timeout } from "./process.ts";
import { type BuildContext, buildIn, ENTRY } from "./build.ts";
import { checkTypesIn } from "./type_check.ts";
import { findWalls } from "./wall.ts";
import { openWorkspace, type Workspace } from "./workspace.ts";

const logger = getLogger(["invoked", "builder"]);

/** Where a builder works. */
export interface BuilderOptions {
  /** Private directory for the builds under way; made when missing. */
  readonly workDir: string;
  /** Private directory for downloads that builds share (npm packages, the bundler); made when missing. */
  readonly cacheDir: string;
  /**
   * The operator's settings for package downloads, by the names of the environment variables that Deno
   * knows: `NPM_CONFIG_REGISTRY`, `DENO_CERT`, `DENO_TLS_CA_STORE`, `SSL_CERT_FILE`, `HTTPS_PROXY`, ...
   */
  readonly registryEnv?: Readonly<Record<string, string>>;
}

/** Makes a builder that runs the Deno of this process ({@link Deno.execPath}) as its compiler. */
export function createBuilder(limits: BuildLimits, options: BuilderOptions): Builder {
  const gate = new Gate(limits.concurrency);
  const walls = findWalls();
  const { registryEnv = {} } = options;

  /** Waits for a place, and works in a workspace of its own until the deadline. */
  async function inWorkspace<T>(
    files: SourceFiles,
    signal: AbortSignal,
    work: (workspace: Workspace, context: BuildContext) => Promise<T>,
  ): Promise<T> {
    using _place = await gate.enter(signal);
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(timeout), limits.timeoutMs);
    try {
      await using workspace = await openWorkspace(files, options);
      return await work(workspace, {
        limits,
        registryEnv,
        wall: await walls,
        signal: AbortSignal.any([signal, deadline.signal]),
      });
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async build(files: SourceFiles, signal: AbortSignal): Promise<BuildResult> {
      const fault = filesFault(files);
      if (fault !== undefined) return refused({ message: `Cannot build${fault}` });
      return await inWorkspace(files, signal, async (workspace, context) => {
        const started = performance.now();
        const result = await buildIn(workspace, files, context);
        const milliseconds = Math.round(performance.now() - started);
        logger.debug("build of {files} files {kind} in {milliseconds} ms", {
          files: files.size,
          kind: result.kind,
          milliseconds,
        });
        return result;
      });
    },
    async checkTypes(files: SourceFiles, signal: AbortSignal): Promise<readonly Diagnostic[]> {
      const fault = filesFault(files);
      if (fault !== undefined) return [{ message: `Cannot check${fault}` }];
      return await inWorkspace(
        files,
        signal,
        (workspace, context) => checkTypesIn(workspace, files, context),
      );
    },
  };
}

/** Why no compiler is started for these files, continuing "Cannot build". */
function filesFault(files: SourceFiles): string | undefined {
  const fault = pathSetFault([...files.keys()]);
  if (fault !== undefined) return ` ${JSON.stringify(fault.path)}: ${fault.fault}`;
  return files.has(ENTRY) ? undefined : `: the commit has no ${ENTRY}`;
}
