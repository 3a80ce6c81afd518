/** The manual pages in section 1, from the commands themselves: `invoked(1)`, and one page for each command. */
import type { Command, Option } from "commander";
import { buildProgram } from "../../src/cli/program.ts";
import { leafCommands, pathOf } from "../command_line_page.ts";

/** What the pages say of the release. */
interface Release {
  readonly version: string;
  /** When it was made. */
  readonly date: Date;
}

/** Where the Debian package puts what an administrator looks for. */
const FILES: Readonly<Record<string, string>> = {
  "/etc/default/invoked": "settings of the service",
  "/var/lib/invoked": "data of the service; credentials.json has the administrator's credentials",
  "/usr/lib/invoked": "the program",
};

/** The text of each page by its file name, such as `invoked-secrets-set.1`. */
export async function renderManPages(release: Release): Promise<ReadonlyMap<string, string>> {
  const program = await buildProgram();
  const commands = leafCommands(program);
  return new Map([
    ["invoked.1", renderProgram(program, commands, release)],
    ...commands.map((command) =>
      [`${nameOf(command)}.1`, renderCommand(command, release)] as const
    ),
  ]);
}

function renderProgram(program: Command, commands: readonly Command[], release: Release): string {
  return page([
    heading(program, release),
    ".SH COMMANDS",
    ...commands.map((command) => item(`.BR ${escape(nameOf(command))} (1)`, command.description())),
    ...optionsOf(program),
    ...textAfter(program),
    ".SH FILES",
    ...Object.entries(FILES).map(([path, content]) => item(`.I ${escape(path)}`, content)),
  ]);
}

function renderCommand(command: Command, release: Release): string {
  const help = command.createHelp();
  const operands = help.visibleArguments(command);
  return page([
    heading(command, release),
    ...(operands.length === 0 ? [] : [".SH ARGUMENTS"]),
    ...operands.map((operand) =>
      item(`.I ${escape(help.argumentTerm(operand))}`, help.argumentDescription(operand))
    ),
    ...optionsOf(command),
    ...textAfter(command),
    ".SH SEE ALSO",
    ".BR invoked (1)",
  ]);
}

function heading(command: Command, { version, date }: Release): string {
  const name = nameOf(command);
  return [
    `.TH ${name.toUpperCase()} 1 ${date.toISOString().slice(0, 10)} "invoked ${version}"`,
    ".SH NAME",
    `${escape(name)} \\- ${escape(command.description())}`,
    ".SH SYNOPSIS",
    escape(command.createHelp().commandUsage(command)),
  ].join("\n");
}

/** The options in the groups of the help. */
function optionsOf(command: Command): string[] {
  const help = command.createHelp();
  const groups = Map.groupBy(
    help.visibleOptions(command),
    ({ helpGroupHeading }: Option) => helpGroupHeading ?? "",
  );
  const own = groups.get("") ?? [];
  groups.delete("");
  return [
    ".SH OPTIONS",
    ...[["", own] as const, ...groups].flatMap(([title, options]) => [
      ...(title === "" ? [] : [`.SS ${escape(title.replace(/:$/, ""))}`]),
      ...options.map((option) =>
        item(`.B ${escape(help.optionTerm(option))}`, help.optionDescription(option))
      ),
    ]),
  ];
}

/** What the help prints below the options: titles that end in a colon, with their lines, and paragraphs. */
function textAfter(command: Command): string[] {
  let help = "";
  command.configureOutput({
    ...command.configureOutput(),
    writeOut: (part) => help += part,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  // The library prints the rest of the help first.
  const text = help.slice(command.helpInformation().length);
  return text.split("\n").flatMap((line, index, all) => {
    if (line === "") return [];
    if (/^\S.*:$/.test(line)) return [`.SH ${escape(line.slice(0, -1).toUpperCase())}`];
    const isFirst = !isIndented(all[index - 1]);
    const isLast = !isIndented(all[index + 1]);
    if (!isIndented(line)) return [".PP", escape(line)];
    return [...(isFirst ? [".nf"] : []), escape(line.trim()), ...(isLast ? [".fi"] : [])];
  });
}

function isIndented(line: string | undefined): boolean {
  return line?.startsWith("  ") ?? false;
}

/** `invoked-secrets-set` */
function nameOf(command: Command): string {
  return pathOf(command).replaceAll(" ", "-");
}

function item(term: string, description: string): string {
  return [".TP", term, escape(description)].join("\n");
}

/** Text without the characters that start a request or an escape; a plain hyphen may be broken at or changed. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/gm, "\\&$&");
}

function page(parts: readonly string[]): string {
  return `${parts.join("\n")}\n`;
}
