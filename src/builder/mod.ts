/** The builder room: see `contract.ts`. */

export * from "./contract.ts";
export { formatDiagnostic } from "./diagnostics.ts";

import { getLogger } from "@logtape/logtape";
import type { Builder, BuildLimits, BuildResult, SourceFiles } from "./contract.ts";
import { refused } from "./diagnostics.ts";
import { Gate } from "./gate.ts";
import { pathSetFault } from "./paths.ts";
import { timeout } from "./process.ts";
import { buildIn } from "./build.ts";
import { findWalls } from "./wall.ts";
import { openWorkspace } from "./workspace.ts";

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
  return {
    async build(files: SourceFiles, signal: AbortSignal): Promise<BuildResult> {
      const fault = pathSetFault([...files.keys()]);
      if (fault) {
        return refused({ message: `Cannot build ${JSON.stringify(fault.path)}: ${fault.fault}` });
      }
      if (!files.has("main.ts")) {
        return refused({ message: "Cannot build: the commit has no main.ts" });
      }
      using _place = await gate.enter(signal);
      const deadline = new AbortController();
      const timer = setTimeout(() => deadline.abort(timeout), limits.timeoutMs);
      const started = performance.now();
      try {
        await using workspace = await openWorkspace(files, options);
        const result = await buildIn(workspace, files, {
          limits,
          registryEnv: options.registryEnv ?? {},
          wall: await walls,
          signal: AbortSignal.any([signal, deadline.signal]),
        });
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
    },
  };
}
