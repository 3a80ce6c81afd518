import { ShellCompDirective } from "@bomb.sh/tab";
import type { Argument, Command, Option } from "commander";
import { type Candidate, findOption, type Position, positionAfter } from "./completion/position.ts";
import { oneLine } from "./terminal/failure.ts";
import { quoteForShell } from "./terminal/shell.ts";

/** `invoked complete`: what a shell offers for the last of the words. The script of the shell runs it. */
export function register(command: Command): void {
  command.argument("[words...]").action(async (words: string[]) => {
    if (command.parent === null) return;
    const { candidates, directive } = await completionsFor(command.parent, words);
    for (const { value, description } of candidates) {
      // A shell may expand what is not plain; names come from the server.
      if (quoteForShell(value) === value) console.log(`${value}\t${oneLine(description)}`);
    }
    console.log(`:${directive}`);
  });
}

interface Completions {
  readonly candidates: readonly Candidate[];
  /** What else the shell does, as the scripts of the library read it. */
  readonly directive: number;
}

const { ShellCompDirectiveNoFileComp: NO_FILES, ShellCompDirectiveNoSpace: NO_SPACE } =
  ShellCompDirective;

/** Placeholders of files and directories, which the shell completes. */
const FILES = /^(?:file|path|dir|folder|source|target)$/i;
/** The placeholder of JSON, which can be in a file. */
const JSON_TEXT = "JSON";
/** Text that ends a candidate to which more is written, such as the path on a volume. */
const OPEN_END = /[:/@]$/;

async function completionsFor(program: Command, words: readonly string[]): Promise<Completions> {
  const last = words.at(-1) ?? "";
  const [first, ...others] = words.slice(0, -1);
  if (first === "help") {
    const { command } = positionAfter(program, others);
    return complete(commandsOf(command), last);
  }
  const position = positionAfter(program, words.slice(0, -1));
  const { command, option, argument, isFirst } = position;
  const [flag = "", value] = last.split("=", 2);
  const valued = option ??
    (value !== undefined && flag.startsWith("-") ? findOption(command, flag) : undefined);
  if (valued !== undefined) {
    return await completeValue(position, valued, option === undefined ? value ?? "" : last);
  }
  if (last.startsWith("-")) return complete(flagsOf(command, last), last);
  if (isFirst && command.commands.length > 0) return complete(commandsOf(command), last);
  return argument === undefined
    ? complete([], last)
    : await completeValue(position, argument, last);
}

/** Completes the value of an option or argument: choices, or what its placeholder names. */
async function completeValue(
  position: Position,
  of: Option | Argument,
  last: string,
): Promise<Completions> {
  const placeholder = placeholderOf(of);
  const words = of.argChoices ?? (placeholder.includes("|") ? placeholder.split("|") : undefined);
  if (words !== undefined) {
    return complete(words.map((value) => ({ value, description: "" })), last);
  }
  if (placeholder === JSON_TEXT) return complete(await filesOf(last), last);
  const { valuesOf } = await import("./completion/values.ts");
  const found = complete(await valuesOf(placeholder, position, last), last);
  return FILES.test(placeholder) ? { ...found, directive: found.directive & ~NO_FILES } : found;
}

/** `@` and the files that a text begins with, or `@` alone. */
async function filesOf(text: string): Promise<Candidate[]> {
  if (!text.startsWith("@")) return [{ value: "@", description: "a file" }];
  const directory = text.slice(1, text.lastIndexOf("/") + 1);
  const candidates: Candidate[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(directory === "" ? "." : directory)) {
      const isHidden = name.startsWith(".") && !text.startsWith(`@${directory}.`);
      const value = `@${directory}${name}${isDirectory ? "/" : ""}`;
      if (!isHidden) candidates.push({ value, description: isDirectory ? "directory" : "file" });
    }
  } catch {
    // There is no such directory, or it is not readable.
  }
  return candidates.toSorted((a, b) => a.value < b.value ? -1 : 1);
}

function complete(candidates: readonly Candidate[], last: string): Completions {
  const matching = candidates.filter(({ value }) => value.startsWith(last));
  const isOpen = matching.some(({ value }) => OPEN_END.test(value));
  return { candidates: matching, directive: isOpen ? NO_FILES | NO_SPACE : NO_FILES };
}

/** `FILE` of `--junit <FILE>`, and `function` of `[function]`. */
function placeholderOf(of: Option | Argument): string {
  if ("flags" in of) return /[<[](.+?)(?:\.\.\.)?[>\]]$/.exec(of.flags)?.[1] ?? "";
  return of.name();
}

/**
 * The flags of a command that begin with a text: the flags of its help, or else the flags that only `--help-all` lists.
 */
function flagsOf(command: Command, text: string): Candidate[] {
  const candidates = (options: readonly Option[]) =>
    options.flatMap(({ long, description }) =>
      long?.startsWith(text) ? [{ value: long, description }] : []
    );
  const listed = candidates(command.createHelp().visibleOptions(command));
  return listed.length > 0 ? listed : candidates(command.options);
}

function commandsOf(command: Command): Candidate[] {
  return command.createHelp().visibleCommands(command)
    .map((one) => ({ value: one.name(), description: one.description() }));
}
