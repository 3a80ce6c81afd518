import type { Command } from "commander";
import { writeEditorTypes } from "./folder/editor.ts";
import { noteSkipped, readFunctionFolder } from "./folder/files.ts";
import { readEnvironment, resolveConfig } from "../config/mod.ts";
import { readManifest } from "./folder/manifest.ts";
import { settingsBeyond, warnOfLimits } from "./local/setting_limits.ts";
import { checkTypes, typeErrors, uncheckedTypes } from "./local/type_check.ts";
import { addExamples, addJsonOption, type JsonFlag } from "./options/common_options.ts";
import { addLocalSettings, withoutOwnVariables } from "./options/local_settings.ts";
import { formatDiagnostic, noteWarnings } from "./terminal/diagnostics.ts";
import { printable } from "./terminal/failure.ts";
import { note, paint, printJson } from "./terminal/output.ts";

/** `invoked check`: the types of the function in the folder, and its settings. */
export function register(command: Command): void {
  const readSettings = addLocalSettings(command);
  addJsonOption(command);
  addExamples(command, "invoked check", "invoked check --json");
  command.action(async ({ json }: JsonFlag) => {
    const folder = Deno.cwd();
    const { files, skipped } = await readFunctionFolder(folder);
    await writeEditorTypes(folder);
    const settings = readSettings();
    const { config } = resolveConfig(settings, withoutOwnVariables(readEnvironment()));
    const manifest = await readManifest(folder);
    const beyondLimits = manifest === undefined ? [] : settingsBeyond(manifest, config);
    warnOfLimits(beyondLimits);
    const result = await checkTypes(folder, files, settings);
    const { warnings } = result;
    if (!json) noteWarnings(warnings);
    if (result.kind === "unchecked") {
      if (json) printJson({ diagnostics: [], ...result.unchecked, warnings, beyondLimits });
      throw uncheckedTypes(result.unchecked);
    }
    const { diagnostics } = result;
    if (json) printJson({ diagnostics, warnings, beyondLimits });
    else {
      for (const { message, ...position } of diagnostics) {
        const diagnostic = { ...position, message: printable(message) };
        console.log(formatDiagnostic(diagnostic, (position) => paint("bold", position)));
      }
    }
    if (diagnostics.length === 0) return json ? undefined : note("No type errors");
    noteSkipped(skipped);
    throw typeErrors(folder, diagnostics);
  });
}
