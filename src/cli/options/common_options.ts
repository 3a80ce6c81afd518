import { type Command, Option } from "commander";
import { formatCount, parseBytes, parseCount } from "../../config/mod.ts";
import { Failure, UsageFailure } from "../terminal/failure.ts";
import { askForYes } from "../terminal/prompts.ts";

/** The flag of every command that prints a result. */
export interface JsonFlag {
  readonly json?: true;
}

/** The flags of commands that list. */
export interface ListFlags extends JsonFlag {
  readonly limit: number;
}

/** The flags of commands that ask before they act. */
export interface YesFlags extends JsonFlag {
  readonly yes?: true;
}

/** `--json`; each command has it, unless its output is a file or a program. */
export function addJsonOption(command: Command, description = "Print JSON"): void {
  command.option("--json", description);
}

const MAX_COUNT = 999_999;

/** `--limit`, the length of a list. */
export function addLimitOption(command: Command, items: string, fallback = 100): void {
  command.addOption(
    new Option("--limit <NUMBER>", `Number of ${items} to list`)
      .argParser((text) => parseCountOf("--limit", text)).default(fallback),
  );
}

/** The value of a flag or argument that is a whole number above 0. */
export function parseCountOf(name: string, text: string): number {
  const count = parseCount(text);
  if (count !== undefined && count > 0 && count <= MAX_COUNT) return count;
  throw new UsageFailure(
    `Invalid ${name}: ${JSON.stringify(text)} is not a number from 1 to ${formatCount(MAX_COUNT)}`,
    { next: `write it as ${name} 20` },
  );
}

/**
 * The number of bytes of a flag's text.
 *
 * @param such sizes that the flag takes, for the message
 * @throws {Failure}
 */
export function bytesOf(flag: `--${string}`, text: string, such: string): number {
  const bytes = parseBytes(text);
  if (bytes !== undefined) return bytes;
  throw new UsageFailure(`Invalid ${flag}: ${JSON.stringify(text)} is not a size`, {
    next: `write it with its unit, such as ${such}`,
  });
}

/** `--yes`, for commands that ask before they delete or cancel. */
export function addYesOption(command: Command, description = "Delete without asking"): void {
  command.option("--yes", description);
}

/**
 * Asks before something is lost, unless `--yes` is given.
 *
 * @param otherwise message of the failure without a yes
 * @param instead next step without a terminal for the question
 * @throws {Failure} without a yes
 */
export async function needYes(
  yes: true | undefined,
  question: string,
  otherwise = "Cancelled: nothing was deleted",
  instead = "give --yes to delete without asking",
): Promise<void> {
  if (!yes && !await askForYes(question, instead)) throw new Failure(otherwise);
}

/** Ends the help with lines to copy. */
export function addExamples(command: Command, ...examples: readonly string[]): void {
  command.addHelpText(
    "after",
    ["", "Examples:", ...examples.map((line) => `  ${line}`)].join("\n"),
  );
}
