import { type Command, Option } from "commander";
import {
  ALL_SETTINGS,
  type Given,
  GROUP_TITLES,
  type PlacedSetting,
  type Setting,
  variableOf,
} from "../../config/mod.ts";

/** Settings that have a flag, each with its option for the argument parser. */
interface Flag {
  readonly setting: Setting;
  readonly option: Option;
}

/**
 * Gives a command the flags of settings, in their groups, and returns how to read them back as
 * the flags of `resolveConfig`. Defaults and accepted values are the config room's business: the
 * parser only collects texts.
 */
export function addSettingFlags(
  command: Command,
  settings: readonly PlacedSetting[] = ALL_SETTINGS,
): () => Given {
  const flags = settings.filter(({ setting }) => !setting.variableOnly).map(toFlag);
  for (const { option } of flags) command.addOption(option);
  const variableOnly = settings.filter(({ setting }) => setting.variableOnly);
  if (variableOnly.length > 0) command.addHelpText("after", describeVariables(variableOnly));
  if (flags.length > 1) command.addHelpText("after", UNITS);
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

const UNITS = `
DURATION carries its unit: 500ms, 60s, 5m, 1h, 2d
BYTES carries its unit: 100B, 512KiB, 128MiB, 1GiB (powers of 1024) or 6MB (powers of 1000)
A flag wins over its INVOKED_* variable; invoked config prints what is in force`;

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

function describeVariables(settings: readonly PlacedSetting[]): string {
  const lines = settings.map(({ setting }) =>
    `  ${variableOf(setting)}=<${setting.kind.placeholder}>  ${setting.description}`
  );
  return ["", "Environment only:", ...lines].join("\n");
}
