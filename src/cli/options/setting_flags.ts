import { type Command, Option } from "commander";
import {
  ALL_SETTINGS,
  type Given,
  GROUP_TITLES,
  type PlacedSetting,
  type Setting,
  variableOf,
} from "../../config/mod.ts";

/** A setting with its option for the argument parser. */
interface Flag {
  readonly setting: Setting;
  readonly option: Option;
}

/**
 * Adds the flags of settings in their groups. The parser collects texts alone: `resolveConfig` knows the defaults and
 * accepted values.
 *
 * @returns reads the flags for `resolveConfig`
 */
export function addSettingFlags(
  command: Command,
  settings: readonly PlacedSetting[] = ALL_SETTINGS,
): () => Given {
  const flags = settings.filter(({ setting }) => !setting.variableOnly).map(toFlag);
  for (const { option } of flags) command.addOption(option);
  if (settings === ALL_SETTINGS) command.addHelpText("after", SETTINGS_NOTES);
  return () => {
    const options = command.opts<Readonly<Record<string, string | true | undefined>>>();
    return Object.fromEntries(
      flags.map(({ setting, option }) => {
        const given = options[option.attributeName()];
        return [setting.name, given === true ? setting.kind.implied : given];
      }),
    );
  };
}

function toFlag({ setting, group }: PlacedSetting): Flag {
  const fallback = setting.default === undefined ? "no default" : `default ${setting.default}`;
  const { placeholder, implied } = setting.kind;
  const option = new Option(
    `--${setting.name} ${implied === undefined ? `<${placeholder}>` : `[${placeholder}]`}`,
    `${setting.description} [${fallback}, ${variableOf(setting)}]`,
  );
  if (setting.kind.repeatable) {
    option.argParser((text: string, earlier: string | undefined) =>
      earlier === undefined ? text : `${earlier},${text}`
    );
  }
  return { setting, option: option.helpGroup(`${GROUP_TITLES[group]}:`) };
}

/** Help for all settings: the variables without a flag, and the units of values. */
export const SETTINGS_NOTES = [
  "",
  "Environment variables without a flag:",
  ...ALL_SETTINGS.filter(({ setting }) => setting.variableOnly).map(({ setting }) =>
    `  ${variableOf(setting)}=<${setting.kind.placeholder}>  ${setting.description}`
  ),
  "",
  "DURATION needs a unit: 500ms, 60s, 5m, 1h, 2d",
  "BYTES needs a unit: 100B, 512KiB, 128MiB, 1GiB (powers of 1,024) or 6MB (powers of 1,000)",
  "A flag wins over its INVOKED_* variable, and a variable over the configuration file; invoked config",
  "prints the values in force",
].join("\n");
