/** `docs/cli.md`: the command line as a page, in Markdown, from the commands themselves. */
import type { Command, Option } from "commander";
import { GROUP_TITLES } from "../src/config/mod.ts";
import { EXIT_CODES } from "../src/cli/terminal/failure.ts";
import { buildProgram } from "../src/cli/program.ts";
import { CONNECTION_HELP } from "../src/cli/options/server_options.ts";

/** Columns of the help as it stands on the page. */
const WIDTH = 100;
/** Commands with more settings than this name the page of settings instead of listing them. */
const SETTINGS_LISTED = 1;

/** The page. */
export function renderCommandLinePage(): string {
  const program = buildProgram();
  const sections = leafCommands(program).map((command) =>
    [`## ${pathOf(command)}`, "", "```text", helpOf(command), "```"].join("\n")
  );
  return [introduction(), ...sections].join("\n\n") + "\n";
}

/** Every command that does something, in the order of the help. */
export function leafCommands(parent: Command): Command[] {
  return parent.createHelp().visibleCommands(parent)
    .filter((command) => command.name() !== "help")
    .flatMap((command) => command.commands.length > 0 ? leafCommands(command) : [command]);
}

/** `invoked secrets set` */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** What `--help` prints, but for long lists of settings, which have a page of their own. */
function helpOf(command: Command): string {
  const isSetting = ({ helpGroupHeading }: Option) =>
    Object.values(GROUP_TITLES).some((title) => helpGroupHeading === `${title}:`);
  const manySettings = command.options.filter(isSetting).length > SETTINGS_LISTED;
  let text = "";
  const help = command.createHelp();
  command.configureHelp({
    helpWidth: WIDTH,
    visibleOptions: (shown) =>
      help.visibleOptions(shown).filter((option) => !manySettings || !isSetting(option)),
  });
  command.configureOutput({
    writeOut: (part) => text += part,
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  const settings = manySettings ? "\n\nand every setting of docs/configuration.md as a flag" : "";
  return text.trimEnd() + settings;
}

function introduction(): string {
  const codes = Object.values(EXIT_CODES).map(({ code, meaning }) => `| ${code} | ${meaning} |`);
  return [
    INTRODUCTION,
    "",
    "| Code | Meaning |",
    "| --- | --- |",
    ...codes,
    "",
    SERVER,
    "",
    "```text",
    CONNECTION_HELP,
    "```",
  ]
    .join("\n");
}

const INTRODUCTION = `<!-- deno-fmt-ignore-file -->
<!-- Generated from the commands in src/cli by \`deno task docs\`; do not edit. -->

# The command line

Run it as \`bin/invoked\`, or put a link to that file on your \`PATH\`. How the commands go together is
told in [first-function.md](first-function.md).

The result of a command is on stdout, and what it tells about its work on stderr. At a terminal lists
are tables with heads; piped they are one line each, with tabs between the cells. \`--json\` prints JSON
instead. \`NO_COLOR\` turns colours off. A failure is one \`error:\` on stderr, with a \`next:\` step where
there is one, and an exit code:`;

const SERVER = `## Which server

The commands are a client of the API like any other, and use C1's own endpoints where these suffice:
the same \`deploy\` works against a C1 tenant. What needs an addition of \`invoked\` says so where the
server does not have it: logs, volumes, searching the history, deleting tags.`;
