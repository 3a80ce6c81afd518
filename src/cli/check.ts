import type { Command } from "commander";
import type { Diagnostic } from "../builder/mod.ts";
import { countOf, type Given, readEnvironment, resolveConfig } from "../config/mod.ts";
import { describeError, Failure, failureMessage, printable } from "./terminal/failure.ts";
import { formatDiagnostic } from "./terminal/diagnostics.ts";
import { writeEditorTypes } from "./folder/editor.ts";
import { readFunctionFolder } from "./folder/files.ts";
import { noteSkipped } from "./folder/skipped.ts";
import { downloadsDir } from "./local/local_server.ts";
import { note, paint, printJson } from "./terminal/output.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { addLocalSettings, withoutOwnVariables } from "./options/local_settings.ts";
import { listenForInterrupt } from "./terminal/signals.ts";

/** `invoked check`: the types of the function in the folder. */
export function register(command: Command): void {
  const readSettings = addLocalSettings(command);
  addJsonOption(command);
  addExamples(command, "invoked check", "invoked check --json");
  command.action(async ({ json }: { readonly json?: true }) => {
    const folder = Deno.cwd();
    const { files, skipped } = await readFunctionFolder(folder);
    await writeEditorTypes(folder);
    const diagnostics = await checkTypes(folder, files, readSettings());
    if (json) printJson({ diagnostics });
    else {
      for (const { message, ...position } of diagnostics) {
        const diagnostic = { ...position, message: printable(message) };
        console.log(formatDiagnostic(diagnostic, (position) => paint("bold", position)));
      }
    }
    if (diagnostics.length === 0) return json ? undefined : note("No type errors");
    noteSkipped(skipped);
    throw new Failure(`${countOf(diagnostics.length, "type error")} in ${folder}`, {
      next: "correct the code at the reported positions",
      exit: "code",
    });
  });
}

async function checkTypes(
  folder: string,
  files: ReadonlyMap<string, Uint8Array>,
  flags: Given,
): Promise<readonly Diagnostic[]> {
  const { config: { builder, sandbox } } = resolveConfig(
    flags,
    withoutOwnVariables(readEnvironment()),
  );
  const { createBuilder, registryOf } = await import("../builder/mod.ts");
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
