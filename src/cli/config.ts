import { type Command, Option } from "commander";
import {
  ALL_SETTINGS,
  formatSetting,
  loadConfig,
  type PlacedSetting,
  readEnvironment,
  type Resolved,
  Secret,
  settingToJson,
  variableOf,
} from "../config/mod.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";
import { renderConfigFile, secretsOf } from "./local/config_file.ts";
import { alignColumns } from "./terminal/output.ts";

interface Options {
  readonly json?: true;
  readonly toml?: true;
}

/** `invoked config`: prints the configuration in force and the source of each setting. */
export function register(command: Command): void {
  addJsonOption(command, "Print JSON; durations in milliseconds, sizes in bytes");
  command.addOption(
    new Option("--toml", "Print a configuration file with the values in force").conflicts("json"),
  );
  const readFlags = addSettingFlags(command);
  addExamples(
    command,
    "invoked config",
    "invoked config --max-body 24MiB --json",
    "invoked config --toml >invoked-server.toml",
  );
  command.action(({ json, toml }: Options) => {
    const resolved = loadConfig(readFlags(), readEnvironment());
    const render = toml ? renderConfigFile : json ? renderJson : renderTable;
    console.log(render(resolved));
    const secrets = toml ? secretsOf(resolved) : [];
    if (secrets.length === 0) return;
    const names = secrets.map(({ setting }) => setting.name).join(", ");
    console.error(`note: the value of ${names} contains a secret and is not printed; fill it in`);
  });
}

function renderJson(resolved: Resolved): string {
  const { config, sources, file } = resolved;
  const settings = ALL_SETTINGS.map((placed) => {
    const line = lineOf(placed, resolved);
    return [placed.path, {
      value: settingToJson(placed, config),
      source: sources[placed.path],
      ...line === undefined ? {} : { file: file?.path, line },
    }];
  });
  const passedOn = Object.entries(config.builder.registryEnv)
    .map(([name, value]) => [name, { value: maskCredentials(value), source: "variable" }]);
  return JSON.stringify(Object.fromEntries([...settings, ...passedOn]), null, 2);
}

function renderTable(resolved: Resolved): string {
  const { config, sources, file } = resolved;
  const settings = ALL_SETTINGS.map((placed) => {
    const line = lineOf(placed, resolved);
    return [
      nameOf(placed),
      formatSetting(placed, config),
      line === undefined ? sources[placed.path] : `${file?.path}:${line}`,
    ];
  });
  const passedOn = Object.entries(config.builder.registryEnv)
    .map(([name, value]) => [name, maskCredentials(value), "variable"]);
  return alignColumns([["SETTING", "VALUE", "SOURCE"], ...settings, ...passedOn]);
}

/** The line of the configuration file from which a value comes. */
function lineOf({ path, setting }: PlacedSetting, { sources, file }: Resolved): number | undefined {
  return sources[path] === "file" ? file?.values.get(setting.name)?.line : undefined;
}

function nameOf({ setting }: PlacedSetting): string {
  return setting.variableOnly ? variableOf(setting) : `--${setting.name}`;
}

/** The address of a proxy or registry without its user and password. */
function maskCredentials(address: string): string {
  return address.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/i, `$1${Secret.MASK}@`);
}
