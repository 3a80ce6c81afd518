import type {
  Builder,
  Diagnostic,
  TypeCheckResult,
  Unchecked,
  UncheckedReason,
} from "../../builder/mod.ts";
import { countOf, type Given, readEnvironment, resolveConfig } from "../../config/mod.ts";
import type { Files } from "../client/api.ts";
import { withoutOwnVariables } from "../options/local_settings.ts";
import { describeError, Failure } from "../terminal/failure.ts";
import { listenForInterrupt } from "../terminal/signals.ts";
import { downloadsDir } from "./local_server.ts";

/** The result of a type check, and what a build of the same files warns of. */
type Checked = TypeCheckResult & { readonly warnings: readonly Diagnostic[] };

/**
 * Checks the files of a folder, as the server does.
 *
 * @param flags limits of `invoked serve`
 */
export async function checkTypes(
  folder: string,
  files: Files,
  flags: Given,
): Promise<Checked> {
  const { config: { builder, sandbox } } = resolveConfig(
    flags,
    withoutOwnVariables(readEnvironment()),
  );
  const { buildLimits, createBuilder, registryOf } = await import("../../builder/mod.ts");
  const workDir = await Deno.makeTempDir({ prefix: "invoked-check-" });
  using interrupt = listenForInterrupt();
  try {
    await using checker = createBuilder(buildLimits(builder), {
      ...sandbox,
      workDir,
      cacheDir: downloadsDir(folder),
      registry: registryOf(builder.registryEnv),
    });
    await checker.start();
    const result = await checker.checkTypes(files, interrupt.signal);
    return { ...result, warnings: await warningsOf(checker, files, interrupt.signal) };
  } catch (error) {
    throw new Failure(`The types were not checked: ${describeError(error)}`, {
      next: "find what is missing on this machine with invoked doctor",
    });
  } finally {
    await Deno.remove(workDir, { recursive: true });
  }
}

/** A constant or function named `fetch`: every warning of a build is about this name. */
const DECLARED = /\b(?:function|const|let|var)\s+(?:\{[^}]*\b)?fetch\b/;

/** What the build warns of. Without the bundler, which is downloaded once, the types are checked all the same. */
async function warningsOf(
  builder: Builder,
  files: Files,
  signal: AbortSignal,
): Promise<readonly Diagnostic[]> {
  const decoder = new TextDecoder();
  if (!files.values().some((content) => DECLARED.test(decoder.decode(content)))) return [];
  try {
    const result = await builder.build(files, signal);
    return result.kind === "built" ? result.artifact.warnings : [];
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error) return [];
    throw error;
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

/** What helps against each reason. A setting is a flag of `invoked check` and a variable of `invoked deploy --check`. */
const NEXT: Readonly<Record<UncheckedReason, string>> = {
  OUT_OF_MEMORY:
    "raise the limit with --check-memory or INVOKED_CHECK_MEMORY, or import a smaller package",
  TIMEOUT:
    "try again, because downloads are kept, or raise the limit with --build-timeout or INVOKED_BUILD_TIMEOUT",
  TOO_COMPLEX: "flatten the most deeply nested code",
  TOO_LARGE:
    "import fewer or smaller packages, or raise --max-download or INVOKED_MAX_DOWNLOAD if the message names it",
  CHECKER_FAILED:
    "try again; if it fails again, raise the limit with --check-memory or INVOKED_CHECK_MEMORY",
};

/** The end of a command whose check had no result. @param outcome what the command did not do, if anything */
export function uncheckedTypes({ reason, message }: Unchecked, outcome = ""): Failure {
  return new Failure(`The types were not checked: ${message}${outcome}`, { next: NEXT[reason] });
}
