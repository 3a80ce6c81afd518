import type { Command } from "commander";
import { ALL_SETTINGS, type Given, variableOf } from "../../config/mod.ts";
import { addSettingFlags } from "./setting_flags.ts";

/** Variables of address, data, database, keys and log, which a local server chooses itself. */
const OWN_VARIABLES =
  /^INVOKED_(?:HOST|PORT|PUBLIC_URL|DATA|TLS_.*|DATABASE.*|MASTER_KEY|NEW_MASTER_KEY|LOG_.*)$/;

const LOCAL_SETTINGS = ALL_SETTINGS.filter(({ setting }) =>
  !OWN_VARIABLES.test(variableOf(setting))
);

/**
 * Adds the flags of the limits that apply to a local server, because errors name them.
 *
 * @returns reads the flags for `resolveConfig`
 */
export function addLocalSettings(command: Command): () => Given {
  return addSettingFlags(command, LOCAL_SETTINGS);
}

/** The environment without what a local server chooses itself. */
export function withoutOwnVariables(env: Given): Given {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OWN_VARIABLES.test(name)));
}
