import { type Command, Option } from "commander";
import {
  ALL_SETTINGS,
  readEnvironment,
  resolveClientSettings,
  resolveConfig,
} from "../../config/mod.ts";
import { Api } from "../client/api.ts";
import { findTarget, type Target } from "../client/credentials.ts";
import { Session } from "../client/session.ts";
import { addSettingFlags } from "./setting_flags.ts";

/** How a command reaches the server that its flags and the environment name. */
export interface Server {
  target(): Promise<Target>;
  /** The caller closes it. */
  connect(): Promise<Api>;
}

/** The flag that every command with server options has. */
const SERVER_FLAG = new Option("--server <URL>", "URL of the server [INVOKED_SERVER_URL]")
  .helpGroup("Server:");

/** Adds the flags that name a server and its credentials. */
export function addServerOptions(command: Command): Server {
  command.addOption(SERVER_FLAG);
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
      isNamed: sources["server.dataDir"] !== "default",
    });
  };
  return { target, connect: async () => new Api(new Session(await target())) };
}

/** Whether {@link addServerOptions} was called for the command. */
export function hasServerOptions(command: Command): boolean {
  return command.options.includes(SERVER_FLAG);
}
