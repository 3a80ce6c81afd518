import type { Command } from "commander";
import {
  ALL_SETTINGS,
  CLIENT_VARIABLES,
  readEnvironment,
  resolveClientSettings,
  resolveConfig,
} from "../../config/mod.ts";
import { Api } from "../client/api.ts";
import { findTarget, type Target } from "../client/credentials.ts";
import { findFunction } from "../client/find.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import { Session } from "../client/session.ts";
import { Failure } from "../terminal/failure.ts";
import { readManifest } from "../folder/manifest.ts";
import { addSettingFlags } from "./setting_flags.ts";

/** How the action of a command reaches the server that its flags and the environment name. */
export interface Server {
  target(): Promise<Target>;
  /** The caller closes it. */
  connect(): Promise<Api>;
}

/** Gives a command the flags that name a server and credentials. */
export function addServerOptions(command: Command): Server {
  command.option("--server <URL>", "The server [CONDUCTORONE_SERVER_URL]");
  const readFlags = addSettingFlags(
    command,
    ALL_SETTINGS.filter(({ path }) => path === "server.dataDir"),
  );
  const target = async () => {
    const env = readEnvironment();
    const { config, sources } = resolveConfig(readFlags(), env);
    const { server } = command.opts<{ readonly server?: string }>();
    return await findTarget(resolveClientSettings(server, env), {
      path: config.server.dataDir,
      named: sources["server.dataDir"] !== "default",
    });
  };
  return { target, connect: async () => new Api(new Session(await target())) };
}

/** `--json`, for every command. */
export function addJsonOption(command: Command): void {
  command.option("--json", "Print JSON");
}

/** Ends the help with lines to copy. */
export function addExamples(command: Command, ...examples: readonly string[]): void {
  command.addHelpText(
    "after",
    ["", "Examples:", ...examples.map((line) => `  ${line}`)].join("\n"),
  );
}

/** The argument of commands about one function. */
export const FUNCTION_ARGUMENT = "[function]";
export const FUNCTION_HELP = "Name or id; . or nothing: the function of this folder's invoked.json";

/** Finds the function that the argument means. */
export async function functionOf(api: Api, argument = "."): Promise<RemoteFunction> {
  if (argument !== ".") return await findFunction(api, argument);
  const manifest = await readManifest(Deno.cwd());
  if (manifest === undefined) {
    throw new Failure("Cannot tell which function is meant: this folder has no invoked.json", {
      next: "name a function, or change to the folder of one",
      exit: "usage",
    });
  }
  return await findFunction(api, manifest.id ?? manifest.name);
}

/** Where the server and the credentials come from, for the help. */
export const CONNECTION_HELP = [
  "The server and the credentials come from, in this order:",
  "  --server, for the URL",
  ...Object.entries(CLIENT_VARIABLES).map(([name, meaning]) => `  ${name}: ${meaning}`),
  "  credentials.json in --data, or in .invoked of this folder or of one above it",
].join("\n");

/** A whole number of a flag. */
export function parseCount(text: string): number {
  if (/^[1-9][0-9]{0,5}$/.test(text)) return Number(text);
  throw new Failure(`${JSON.stringify(text)} is not a number from 1 to 999999`, { exit: "usage" });
}
