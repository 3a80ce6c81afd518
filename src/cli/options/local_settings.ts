import { type Command, CommanderError, Option } from "commander";
import { ALL_SETTINGS, type Given, variableOf } from "../../config/mod.ts";
import { addSettingFlags } from "./setting_flags.ts";

/** Variables of configuration file, address, data, database, keys and log, which a local server chooses itself. */
const OWN_VARIABLES =
  /^INVOKED_(?:CONFIG|HOST|PORT|PUBLIC_URL|DATA|TLS_.*|DATABASE.*|MASTER_KEY|NEW_MASTER_KEY|LOG_.*)$/;

const LOCAL_SETTINGS = ALL_SETTINGS.filter(({ setting }) =>
  !OWN_VARIABLES.test(variableOf(setting))
);

/**
 * Adds the flags of the limits that apply to a local server, because errors name them. `--help` leaves these many flags to
 * `--help-all`.
 *
 * @returns reads the flags for `resolveConfig`
 */
export function addLocalSettings(command: Command): () => Given {
  const own = new Set(command.options);
  const read = addSettingFlags(command, LOCAL_SETTINGS);
  const settings = command.options.filter((option) => !own.has(option));
  for (const option of settings) option.hideHelp();
  command.addOption(new Option("--help-all", "Print this help with the settings of the server"));
  command.on("option:help-all", () => {
    for (const option of settings) option.hideHelp(false);
    command.outputHelp();
    throw new CommanderError(0, "commander.helpDisplayed", "");
  });
  return read;
}

/** The environment without what a local server chooses itself. */
export function withoutOwnVariables(env: Given): Given {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OWN_VARIABLES.test(name)));
}
