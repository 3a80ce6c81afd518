import { type Command, Option } from "commander";
import { formatCount, parseCount } from "../../config/mod.ts";
import { Failure } from "../terminal/failure.ts";

/** `--json`; each command has it, unless its output is a file or a program. */
export function addJsonOption(command: Command, description = "Print JSON"): void {
  command.option("--json", description);
}

const MAX_COUNT = 999_999;

/** `--limit`, the length of a list. */
export function addLimitOption(command: Command, items: string, fallback: number): void {
  command.addOption(
    new Option("--limit <NUMBER>", `Number of ${items} to list`)
      .argParser((text) => parseCountOf("--limit", text)).default(fallback),
  );
}

/** The value of a flag or argument that is a whole number above 0. */
export function parseCountOf(name: string, text: string): number {
  const count = parseCount(text);
  if (count !== undefined && count > 0 && count <= MAX_COUNT) return count;
  throw new Failure(
    `Invalid ${name}: ${JSON.stringify(text)} is not a number from 1 to ${formatCount(MAX_COUNT)}`,
    { next: `write it as ${name} 20`, exit: "usage" },
  );
}

/** `--yes`, for commands that ask before they delete or cancel. */
export function addYesOption(command: Command, description = "Delete without asking"): void {
  command.option("--yes", description);
}

/** The next step without a terminal for the question. */
export const YES_HINT = "give --yes to delete without asking";

/** Ends the help with lines to copy. */
export function addExamples(command: Command, ...examples: readonly string[]): void {
  command.addHelpText(
    "after",
    ["", "Examples:", ...examples.map((line) => `  ${line}`)].join("\n"),
  );
}
