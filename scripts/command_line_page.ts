/** Renders `docs/cli.md`, the command line in Markdown, from the commands themselves. */
import type { Command, Option } from "commander";
import { EXIT_CODES } from "../src/cli/terminal/failure.ts";
import { buildProgram } from "../src/cli/program.ts";
import { CONNECTION_HELP } from "../src/cli/options/connection_help.ts";
import { hasServerOptions } from "../src/cli/options/server_options.ts";
import { SETTINGS_NOTES } from "../src/cli/options/setting_flags.ts";
import { GROUP_TITLES } from "../src/config/mod.ts";

/** Columns of the help on the page. */
const WIDTH = 100;
/** Commands with more settings than this refer to the page of settings. */
const SETTINGS_LISTED = 2;
const SERVER_OPTIONS_LISTED = ["--server", "--profile"];

/** The page. */
export async function renderCommandLinePage(): Promise<string> {
  const program = await buildProgram();
  const sections = leafCommands(program).map((command) =>
    [`## ${pathOf(command)}`, "", "```text", helpOf(command), "```"].join("\n")
  );
  return [introduction(program), ...sections].join("\n\n") + "\n";
}

/** Every command without subcommands, in the order of the help. */
export function leafCommands(parent: Command): Command[] {
  return parent.createHelp().visibleCommands(parent)
    .filter((command) => command.name() !== "help")
    .flatMap((command) => command.commands.length > 0 ? leafCommands(command) : [command]);
}

/** `invoked secrets set` */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** The output of `--help`, without the options that the page describes elsewhere. */
function helpOf(command: Command): string {
  const parts = [
    ...hasServerOptions(command) ? ["[server options]"] : [],
    ...command.options.filter(isSetting).length > SETTINGS_LISTED ? ["[settings]"] : [],
  ];
  const isElsewhere = (option: Option) =>
    isCommon(option) || (parts.length > 0 && (isSetting(option) || isServerOption(option)));
  return renderHelp(command, (option) => !isElsewhere(option))
    .replace(`${SETTINGS_NOTES}\n`, "")
    .replace("[options]", ["[options]", ...parts].join(" "));
}

function renderHelp(command: Command, isShown: (option: Option) => boolean): string {
  let text = "";
  const help = command.createHelp();
  command.configureHelp({
    ...command.configureHelp(),
    helpWidth: WIDTH,
    visibleOptions: (shown) => help.visibleOptions(shown).filter(isShown),
  });
  command.configureOutput({
    writeOut: (part) => text += part,
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text.trimEnd();
}

function isSetting({ helpGroupHeading, long }: Option): boolean {
  return !SERVER_OPTIONS_LISTED.includes(long ?? "") &&
    Object.values(GROUP_TITLES).some((title) => helpGroupHeading === `${title}:`);
}

function isServerOption({ long }: Option): boolean {
  return SERVER_OPTIONS_LISTED.includes(long ?? "");
}

/** Whether the introduction describes the option: those of all commands, unless they differ in a command. */
function isCommon({ long, description }: Option): boolean {
  return long === "--help" || long === "--json" && description === "Print JSON";
}

function introduction(program: Command): string {
  const codes = Object.values(EXIT_CODES).map(({ code, meaning }) => `| ${code} | ${meaning} |`);
  return [
    INTRODUCTION,
    "",
    "| Code | Meaning |",
    "| --- | --- |",
    ...codes,
    "",
    SERVER_OPTIONS,
    "",
    "```text",
    serverOptions(program),
    "",
    CONNECTION_HELP,
    "```",
  ]
    .join("\n");
}

/** The options of every command that needs a server. */
function serverOptions(program: Command): string {
  const command = leafCommands(program).find((command) =>
    hasServerOptions(command) && command.options.filter(isSetting).length <= SETTINGS_LISTED
  );
  if (command === undefined) {
    throw new Error("No command has server options");
  }
  const help = command.createHelp();
  const options = command.options.filter((option) => isSetting(option) || isServerOption(option));
  const width = Math.max(...options.map((option) => help.optionTerm(option).length));
  return options.map((option) =>
    `  ${help.optionTerm(option).padEnd(width)}  ${help.optionDescription(option)}`
  ).join("\n");
}

const INTRODUCTION = `<!-- deno-fmt-ignore-file -->
<!-- Generated from the commands in src/cli by \`deno task docs\`; do not edit. -->

# The command line

Run \`bin/invoked\`, or link it into a folder of your \`PATH\`. [First function](first-function.md) uses the most
important commands.

A command prints its result to stdout and its progress to stderr. At a terminal, lists are tables with
headings; otherwise each row is one line with tabs between the cells. Times are in UTC. \`NO_COLOR\` disables
colors. You can shorten an id to its first 6 or more characters if they are unique.
Every command has \`--help\`. \`--json\` prints JSON, unless the result is a file. The section below lists
\`[server options]\`. \`[settings]\` are the flags in [configuration.md](configuration.md); \`--help-all\` of
\`check\`, \`dev\` and \`test\` prints them, too. A failed command prints
one \`error:\` line and often a \`next:\` step to stderr, and exits with a code:`;

const SERVER_OPTIONS = `## Server options

The commands are clients of the API. They use C1's own endpoints where possible, so many of them also work with a C1
tenant; [\`deploy --tenant\` and \`pull\`](tenants.md#deploy-to-a-tenant-and-pull-from-it) use only these. Logs, volumes, searches of invocations, the history of publishes and the deletion of tags need an
\`invoked\` server; on another server, these commands fail and name the missing endpoint.`;
