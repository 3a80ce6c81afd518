import type { Command } from "commander";
import type { Diagnostic } from "../builder/mod.ts";
import { readEnvironment, resolveConfig } from "../config/mod.ts";
import { describeError, Failure, printable } from "./terminal/failure.ts";
import { countOfTypeErrors, formatDiagnostic } from "./terminal/diagnostics.ts";
import { writeEditorTypes } from "./folder/editor.ts";
import { readFunctionFiles } from "./folder/files.ts";
import { downloadsDir } from "./local/local_server.ts";
import { note, paint, printJson } from "./terminal/output.ts";
import { addExamples, addJsonOption } from "./options/server_options.ts";
import { listenForInterrupt } from "./terminal/signals.ts";

/** `invoked check`: the types of the function in the folder. */
export function registerCheck(program: Command): void {
  const command = program.command("check")
    .description("Check the types of the function of this folder, as the server does");
  addJsonOption(command);
  addExamples(command, "invoked check", "invoked check --json");
  command.action(async ({ json }: { readonly json?: true }) => {
    const folder = Deno.cwd();
    const files = await readFunctionFiles(folder);
    await writeEditorTypes(folder);
    const diagnostics = await checkTypes(folder, files);
    if (json) printJson({ diagnostics });
    else {
      for (const { message, ...place } of diagnostics) {
        const diagnostic = { ...place, message: printable(message) };
        console.log(formatDiagnostic(diagnostic, (place) => paint("bold", place)));
      }
    }
    if (diagnostics.length === 0) return json ? undefined : note("The types are right");
    throw new Failure(`${countOfTypeErrors(diagnostics)} in ${folder}`, {
      next: "correct the code at the places that are named",
      exit: "code",
    });
  });
}

async function checkTypes(
  folder: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<readonly Diagnostic[]> {
  const { config: { builder, sandbox } } = resolveConfig({}, readEnvironment());
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
    throw new Failure(`Cannot check the types: ${describeError(error)}`);
  } finally {
    await Deno.remove(workDir, { recursive: true });
  }
}
