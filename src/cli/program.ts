import { type Argument, Command, type Option } from "commander";
import { formatCount } from "../config/mod.ts";
import project from "../../package.json" with { type: "json" };
import { registerCheck } from "./check.ts";
import { registerCompletions } from "./completions.ts";
import { registerConfig } from "./config.ts";
import { registerDelete } from "./delete.ts";
import { registerDeploy } from "./deploy.ts";
import { registerDev } from "./dev.ts";
import { registerDiff } from "./diff.ts";
import { registerDoctor } from "./doctor.ts";
import { EXIT_CODES } from "./terminal/failure.ts";
import { registerHistory } from "./history.ts";
import { registerInit } from "./init.ts";
import { registerInvoke } from "./invoke.ts";
import { registerKeys } from "./keys.ts";
import { registerList } from "./list.ts";
import { registerLogs } from "./logs.ts";
import { CONNECTION_HELP } from "./options/server_options.ts";
import { registerPublish } from "./publish.ts";
import { registerRollback } from "./rollback.ts";
import { registerSecrets } from "./secrets/mod.ts";
import { registerServe } from "./serve.ts";
import { registerShow } from "./show.ts";
import { registerTag } from "./tag.ts";
import { registerTest } from "./test.ts";
import { registerToken } from "./token.ts";
import { registerVolumes } from "./volumes/mod.ts";

const TIMES_HELP = "Times are in UTC, also a time that is given without a zone";

/** The commands in the groups and order of the help. */
const GROUPS: readonly (readonly [string, readonly ((program: Command) => void)[]])[] = [
  ["Write a function:", [registerInit, registerDev, registerTest, registerCheck]],
  ["Deploy it:", [registerDeploy, registerDiff, registerPublish, registerRollback]],
  ["Use it:", [registerInvoke, registerLogs, registerHistory, registerShow]],
  ["Manage functions:", [registerList, registerTag, registerSecrets, registerDelete]],
  ["Manage files:", [registerVolumes]],
  ["Run a server:", [registerServe, registerConfig, registerDoctor, registerKeys, registerToken]],
];

/** Builds the whole command line. */
export function buildProgram(): Command {
  const program = new Command("invoked")
    .description(project.description)
    .version(`invoked ${project.version}`, "-V, --version", "Print the version")
    .helpOption("-h, --help", "Print this help")
    .configureHelp({ optionDescription, argumentDescription })
    .showHelpAfterError("next: run invoked --help or invoked <command> --help")
    .addHelpText("after", `\n${exitCodesHelp()}\n\n${CONNECTION_HELP}\n\n${TIMES_HELP}`)
    .exitOverride();
  for (const [heading, registrations] of GROUPS) {
    program.commandsGroup(heading);
    for (const register of registrations) register(program);
  }
  program.commandsGroup("Other:");
  registerCompletions(program);
  program.helpCommand("help [command]", "Print the help of a command");
  return program;
}

/** Shows choices and the default in brackets, as the descriptions of settings do. */
function optionDescription({ description, argChoices, defaultValue }: Option): string {
  const choices = argChoices === undefined ? "" : `: ${argChoices.join(", ")}`;
  return `${description}${choices}${describeDefault(defaultValue)}`;
}

function argumentDescription({ description, defaultValue }: Argument): string {
  return `${description}${describeDefault(defaultValue)}`;
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
