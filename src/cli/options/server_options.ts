import { type Command, Option } from "commander";
import {
  ALL_SETTINGS,
  type Config,
  type Given,
  loadConfig,
  profilesDir,
  readEnvironment,
  resolveClientSettings,
  type SettingPath,
} from "../../config/mod.ts";
import { Api } from "../client/api.ts";
import { type DataDir, findTarget, type Target } from "../client/credentials.ts";
import { Profiles } from "../client/profiles.ts";
import { Session } from "../client/session.ts";
import { addSettingFlags } from "./setting_flags.ts";

/** How a command reaches the server that its flags and the environment name. */
export interface Server {
  target(): Promise<Target>;
  /** What the flags and the environment say of the server alone. */
  named(): {
    readonly config: Config;
    /** The URL of `--server`. */
    readonly url: string | undefined;
    readonly dataDir: DataDir;
  };
  /** The caller closes it. */
  connect(): Promise<Api>;
  /** The flags that are settings, for commands that need them without a server. */
  flags(): Given;
}

/** The flag that every command with server options has. */
const SERVER_FLAG = new Option("--server <URL>", "URL of the server [INVOKED_SERVER_URL]")
  .helpGroup("Server:");

/** The settings that name a data directory. */
const NAMING: readonly SettingPath[] = ["server.configFile", "server.dataDir"];

/** The flag of a profile. */
function profileFlag(): Option {
  return new Option("--profile <PROFILE>", "Profile of invoked login [INVOKED_PROFILE]")
    .helpGroup("Server:").conflicts("data");
}

/**
 * Adds the flags that name a server and its credentials.
 * @param further settings of the server that the command needs besides its data directory
 */
export function addServerOptions(
  command: Command,
  further: readonly SettingPath[] = [],
): Server {
  command.addOption(SERVER_FLAG).addOption(profileFlag());
  const readFlags = addSettingFlags(
    command,
    ALL_SETTINGS.filter(({ path }) => NAMING.includes(path) || further.includes(path)),
  );
  const named = () => {
    const { config, sources } = loadConfig(readFlags(), readEnvironment());
    const { server: url } = command.opts<{ readonly server?: string }>();
    const dataDir = { path: config.server.dataDir, namedBy: sources["server.dataDir"] };
    return { config, url, dataDir };
  };
  const target = async () => {
    const env = readEnvironment();
    const { url: server, dataDir } = named();
    const { profile } = command.opts<{ readonly profile?: string }>();
    return await findTarget({
      // A flag for all of it makes the variables irrelevant.
      settings: resolveClientSettings(server, profile === undefined ? env : {}),
      profile,
      profiles: new Profiles(profilesDir(env)),
      dataDir,
    });
  };
  const connect = async () => new Api(new Session(await target()));
  return { target, named, connect, flags: readFlags };
}

/** The data directory of a command without flags. */
export function defaultDataDir(env: Given): DataDir {
  const { config, sources } = loadConfig({}, env);
  return { path: config.server.dataDir, namedBy: sources["server.dataDir"] };
}

/** Whether {@link addServerOptions} was called for the command. */
export function hasServerOptions(command: Command): boolean {
  return command.options.includes(SERVER_FLAG);
}
