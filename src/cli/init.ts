import { basename, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { describeError, Failure, oneLine, UsageFailure } from "./terminal/failure.ts";
import { writeEditorTypes } from "./folder/editor.ts";
import { DEFAULT_TEMPLATE, newFiles, readTemplates, type Template } from "./folder/templates.ts";
import { note, printJson } from "./terminal/output.ts";
import { addExamples, addJsonOption, type JsonFlag } from "./options/common_options.ts";
import { quoteForShell } from "./terminal/shell.ts";

interface Options extends JsonFlag {
  readonly name?: string;
  readonly template: string;
}

/** `invoked init`: creates a folder with a function, its test and the types for an editor. */
export function register(command: Command): void {
  const templates = readTemplates();
  const names = templates.map(({ name }) => name);
  command
    .argument("[folder]", "The folder; it may exist", ".")
    .option("--name <NAME>", "Name of the function [default the name of the folder]")
    .addOption(
      new Option("--template <TEMPLATE>", "Template of the function").choices(names)
        .default(DEFAULT_TEMPLATE),
    );
  addJsonOption(command);
  addExamples(
    command,
    "invoked init hello && cd hello && invoked test",
    "invoked init --template mcp tools",
  );
  command.addHelpText("after", `\nTemplates:\n${describe(templates)}`);
  command.action(async (given: string, { name, template: chosen, json }: Options) => {
    const folder = resolve(given);
    const template = templates.find(({ name }) => name === chosen);
    if (template === undefined) throw new Error(`Unknown template ${chosen}`);
    const files = await newFiles(template, needName(name ?? basename(folder)));
    await rejectOverwriting(folder, files.keys());
    try {
      await Deno.mkdir(folder, { recursive: true });
      for (const [path, text] of files) {
        await Deno.writeTextFile(join(folder, path), text, { createNew: true });
      }
      await writeEditorTypes(folder);
    } catch (error) {
      throw new Failure(`Failed to write to ${folder}: ${describeError(error)}`, {
        next: "name a folder that you may write to",
      });
    }
    if (json) return printJson({ folder, files: [...files.keys()] });
    for (const path of files.keys()) console.log(join(given, path));
    const enter = given === "." ? "" : `cd ${quoteForShell(given)} && `;
    const next = files.has("main.test.ts") ? "invoked test, or invoked dev" : "invoked dev";
    note(`\nNext: ${enter}${next} to run it on save`);
  });
}

/** A line for each template, as the help has it for options. */
function describe(templates: readonly Template[]): string {
  const width = Math.max(...templates.map(({ name }) => name.length));
  return templates.map(({ name, description }) => `  ${name.padEnd(width)}  ${description}`)
    .join("\n");
}

function needName(name: string): string {
  if (name.trim() !== "") return name;
  throw new UsageFailure("The name of the function is empty", { next: "name it with --name" });
}

async function rejectOverwriting(folder: string, paths: Iterable<string>): Promise<void> {
  const present: string[] = [];
  for (const path of paths) {
    const exists = await Deno.lstat(join(folder, path)).then(() => true, () => false);
    if (exists) present.push(path);
  }
  if (present.length === 0) return;
  throw new Failure(
    `Nothing was created: ${oneLine(folder)} already has ${present.join(", ")}`,
    { next: "name another folder, or move these files away" },
  );
}
