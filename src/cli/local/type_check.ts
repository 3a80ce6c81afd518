import type { Diagnostic } from "../../builder/mod.ts";
import { countOf, type Given, readEnvironment, resolveConfig } from "../../config/mod.ts";
import type { Files } from "../client/api.ts";
import { withoutOwnVariables } from "../options/local_settings.ts";
import { describeError, Failure, failureMessage } from "../terminal/failure.ts";
import { listenForInterrupt } from "../terminal/signals.ts";
import { downloadsDir } from "./local_server.ts";

/**
 * The type errors of the files of a folder, as the server finds them.
 *
 * @param flags limits of `invoked serve`
 */
export async function checkTypes(
  folder: string,
  files: Files,
  flags: Given,
): Promise<readonly Diagnostic[]> {
  const { config: { builder, sandbox } } = resolveConfig(
    flags,
    withoutOwnVariables(readEnvironment()),
  );
  const { createBuilder, registryOf } = await import("../../builder/mod.ts");
  const workDir = await Deno.makeTempDir({ prefix: "invoked-check-" });
  using interrupt = listenForInterrupt();
  try {
    const limits = { ...builder, artifactBytes: builder.maxArtifactBytes };
    await using checker = createBuilder(limits, {
      ...sandbox,
      workDir,
      cacheDir: downloadsDir(folder),
      registry: registryOf(builder.registryEnv),
    });
    await checker.start();
    return await checker.checkTypes(files, interrupt.signal);
  } catch (error) {
    throw new Failure(failureMessage("Cannot check the types", describeError(error)));
  } finally {
    await Deno.remove(workDir, { recursive: true });
  }
}

/** The verdict on a folder whose types have errors. @param outcome what the command did not do, if anything */
export function typeErrors(
  folder: string,
  diagnostics: readonly Diagnostic[],
  outcome = "",
): Failure {
  return new Failure(`${countOf(diagnostics.length, "type error")} in ${folder}${outcome}`, {
    next: "correct the code at the reported positions",
    exit: "code",
  });
}
