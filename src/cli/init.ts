import { basename, join, resolve } from "node:path";
import type { Command } from "commander";
import { describeError, Failure, oneLine } from "./terminal/failure.ts";
import { writeEditorTypes } from "./folder/editor.ts";
import { templateFiles } from "./folder/template.ts";
import { note, printJson } from "./terminal/output.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { quoteForShell } from "./terminal/shell.ts";

interface Options {
  readonly name?: string;
  readonly json?: true;
}

/** `invoked init`: creates a folder with a function, its test and the types for an editor. */
export function register(command: Command): void {
  command
    .argument("[folder]", "The folder; it may exist", ".")
    .option("--name <NAME>", "Name of the function [default the name of the folder]");
  addJsonOption(command);
  addExamples(command, "invoked init hello && cd hello && invoked test");
  command.action(async (given: string, { name, json }: Options) => {
    const folder = resolve(given);
    const files = await templateFiles(needName(name ?? basename(folder)));
    await rejectOverwriting(folder, files.keys());
    try {
      await Deno.mkdir(folder, { recursive: true });
      for (const [path, text] of files) {
        await Deno.writeTextFile(join(folder, path), text, { createNew: true });
      }
      await writeEditorTypes(folder);
    } catch (error) {
      throw new Failure(`Cannot write to ${folder}: ${describeError(error)}`);
    }
    if (json) return printJson({ folder, files: [...files.keys()] });
    for (const path of files.keys()) console.log(join(given, path));
    const enter = given === "." ? "" : `cd ${quoteForShell(given)} && `;
    note(`\nNext: ${enter}invoked test, or invoked dev to run it on save`);
  });
}

function needName(name: string): string {
  if (name.trim() !== "") return name;
  throw new Failure("Cannot create a function: its name is empty", {
    next: "name it with --name",
    exit: "usage",
  });
}

async function rejectOverwriting(folder: string, paths: Iterable<string>): Promise<void> {
  const present: string[] = [];
  for (const path of paths) {
    const exists = await Deno.lstat(join(folder, path)).then(() => true, () => false);
    if (exists) present.push(path);
  }
  if (present.length === 0) return;
  throw new Failure(
    `Cannot create a function in ${oneLine(folder)}: it already has ${present.join(", ")}`,
    { next: "name another folder, or move these files away" },
  );
}
