import tab from "@bomb.sh/tab/commander";
import { Command } from "commander";
import project from "../../package.json" with { type: "json" };
import { registerCheck } from "./check.ts";
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
import { registerPublish, registerRollback } from "./publish.ts";
import { registerSecrets } from "./secrets.ts";
import { registerServe } from "./serve.ts";
import { registerShow } from "./show.ts";
import { registerTag } from "./tag.ts";
import { registerTest } from "./test.ts";
import { registerToken } from "./token.ts";
import { registerVolumes } from "./volumes/mod.ts";

/** The commands, in the groups and the order in which the help lists them. */
const GROUPS: readonly (readonly [string, readonly ((program: Command) => void)[]])[] = [
  ["Write a function:", [registerInit, registerDev, registerTest, registerCheck]],
  ["Bring it to a server:", [registerDeploy, registerDiff, registerPublish, registerRollback]],
  ["Use it:", [registerInvoke, registerLogs, registerHistory, registerShow]],
  ["Look after functions:", [registerList, registerTag, registerSecrets, registerDelete]],
  ["Give them files:", [registerVolumes]],
  ["Run a server:", [registerServe, registerConfig, registerDoctor, registerKeys, registerToken]],
];

/** The whole command line, for running it and for describing it. */
export function buildProgram(): Command {
  const program = new Command("invoked")
    .description(project.description)
    .version(`invoked ${project.version}`)
    .showHelpAfterError("Run invoked --help, or invoked <command> --help, for what is accepted")
    .addHelpText("after", `\n${exitCodesHelp()}`)
    .exitOverride();
  for (const [heading, registrations] of GROUPS) {
    program.commandsGroup(heading);
    for (const register of registrations) register(program);
  }
  program.commandsGroup("Other:");
  tab(program, { completionCommandName: "completions" });
  program.helpCommand("help [command]", "Show the help of a command");
  return program;
}

function exitCodesHelp(): string {
  const codes = Object.values(EXIT_CODES).map(({ code, meaning }) => `  ${code}  ${meaning}`);
  return ["Exit codes:", ...codes].join("\n");
}
