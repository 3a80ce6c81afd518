/** Builds the builder from Config. */
import { join } from "node:path";
import { type Builder, buildLimits, createBuilder, registryOf } from "../builder/mod.ts";
import type { Config } from "../config/mod.ts";
import type { Telemetry } from "../telemetry/contract.ts";

/** The builder of a server. */
export function openBuilder(
  { builder, sandbox, server: { dataDir } }: Config,
  telemetry: Pick<Telemetry, "buildEnded">,
): Builder & AsyncDisposable {
  return createBuilder(buildLimits(builder), {
    ...sandbox,
    workDir: join(dataDir, "work"),
    cacheDir: downloadsOf(dataDir),
    registry: registryOf(builder.registryEnv),
    onBuild: (ms, end) => telemetry.buildEnded(ms, end === "built" ? undefined : end),
  });
}

/** The directory of what builds download. */
export function downloadsOf(dataDir: string): string {
  return join(dataDir, "cache", "builder");
}
