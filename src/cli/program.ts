import { type Argument, Command, Help, type Option } from "commander";
import { formatCount } from "../config/units.ts";
import { DESCRIPTION, VERSION } from "../shared/installation.ts";
import type { CommandEntry, Subcommand } from "./command_entry.ts";
import { COMMANDS } from "./commands.ts";
import { withCommandName } from "./terminal/command_name.ts";
import { EXIT_CODES } from "./terminal/failure.ts";
import { CONNECTION_HELP } from "./options/connection_help.ts";

const VALUES_HELP = [
  "An id may be cut to its first 6 characters or more, if they are unique",
  "Times are in UTC, also a time that is given without a zone",
].join("\n");

/** The command that prints completions of the words behind it. */
const COMPLETE: CommandEntry = [
  "complete",
  "Print what a shell completes the last word with",
  () => import("./complete.ts"),
];
/** The library's heading of options without a group. */
const OWN_OPTIONS = "Options:";
const HELP_COMMAND = ["help [command]", "Print the help of a command"] as const;
/** The paths of commands that are loaded, such as `secrets set`; undefined for all commands. */
type Paths = readonly (readonly string[])[] | undefined;

/** Commands whose arguments name another command. */
const ABOUT_COMMANDS = ["help", "complete"];

/**
 * Builds the command line. Every command has its name and description.
 *
 * @param args only the commands that they name are loaded and get flags and an action; without them all are
 */
export async function buildProgram(args?: readonly string[]): Promise<Command> {
  const program = new Command("invoked")
    .description(DESCRIPTION)
    .version(`invoked ${VERSION}`, "-V, --version", "Print the version")
    .helpOption("-h, --help", "Print this help")
    .configureOutput({ writeOut, outputError() {} })
    .configureHelp({ optionDescription, argumentDescription, subcommandTerm, groupItems })
    .addHelpText("after", `\n${exitCodesHelp()}\n\n${CONNECTION_HELP}\n\n${VALUES_HELP}`)
    .exitOverride();
  const paths = args === undefined ? undefined : namedBy(args);
  for (const [heading, commands] of COMMANDS) {
    program.commandsGroup(heading);
    for (const entry of commands) await addCommand(program, entry, paths);
  }
  await addCommand(program, COMPLETE, paths, { hidden: true });
  program.helpCommand(...HELP_COMMAND);
  return program;
}

/** Prints on stdout. A reader may close it early, as `head` does; console.log ignores that. */
function writeOut(text: string): void {
  console.log(withCommandName(text.replace(/\n$/, "")));
}

/** The paths of commands that arguments name, such as `secrets set`, as far as they may go. */
function namedBy(args: readonly string[]): string[][] {
  const words = args.filter((arg) => !arg.startsWith("-"));
  return [words, words.filter((word) => !ABOUT_COMMANDS.includes(word))];
}

/** Adds a command; loads it if one of the paths begins with its name, or without paths. */
async function addCommand(
  program: Command,
  [name, description, load]: CommandEntry,
  paths: Paths,
  options = {},
): Promise<void> {
  const command = program.command(name, options).description(description);
  const below = pathsBelow(name, paths);
  if (below?.length === 0) return;
  const module = await load();
  if ("register" in module) module.register(command);
  else await addSubcommands(command, module.COMMANDS, below);
}

async function addSubcommands(
  parent: Command,
  commands: readonly Subcommand[],
  paths: Paths,
): Promise<void> {
  parent.helpCommand(...HELP_COMMAND);
  for (const [name, description, content] of commands) {
    const command = parent.command(name).description(description);
    const below = pathsBelow(name, paths);
    if (typeof content === "object") await addSubcommands(command, content, below);
    else if (below?.length !== 0) await content(command);
  }
}

/** The paths that begin with a name, without it; undefined for all. */
function pathsBelow(name: string, paths: Paths): Paths {
  return paths?.filter(([first]) => first === name).map(([, ...rest]) => rest);
}

/** A command is listed by its name; its own help shows its arguments. */
function subcommandTerm(command: Command): string {
  return command.name();
}

/** The options of the command itself come first, whatever the order in which they were added. */
function groupItems<Item extends Command | Option>(
  items: Item[],
  visible: Item[],
  groupOf: (item: Item) => string,
): Map<string, Item[]> {
  const groups = new Help().groupItems(items, visible, groupOf);
  const own = groups.get(OWN_OPTIONS);
  return own === undefined ? groups : new Map([[OWN_OPTIONS, own], ...groups]);
}

/** Shows choices and the default in brackets, as the descriptions of settings do. */
function optionDescription(option: Option): string {
  const { description, defaultValue, defaultValueDescription } = option;
  return `${description}${choicesOf(option)}${
    describeDefault(defaultValueDescription ?? defaultValue)
  }`;
}

function argumentDescription(argument: Argument): string {
  return `${argument.description}${choicesOf(argument)}${describeDefault(argument.defaultValue)}`;
}

function choicesOf({ argChoices }: Option | Argument): string {
  return argChoices === undefined ? "" : `: ${argChoices.join(", ")}`;
}

function describeDefault(value: unknown): string {
  return value === undefined
    ? ""
    : ` [default ${typeof value === "number" ? formatCount(value) : value}]`;
}

function exitCodesHelp(): string {
  const codes = Object.values(EXIT_CODES).map(({ code, meaning }) => `  ${code}  ${meaning}`);
  return ["Exit codes:", ...codes].join("\n");
}
