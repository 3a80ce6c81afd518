import type { Command } from "commander";
import {
  ALL_SETTINGS,
  formatSetting,
  type PlacedSetting,
  readEnvironment,
  resolveConfig,
  type Resolved,
  Secret,
  settingToJson,
  variableOf,
} from "../config/mod.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";
import { alignColumns } from "./terminal/output.ts";

/** `invoked config`: prints the configuration in force and the source of each setting. */
export function register(command: Command): void {
  addJsonOption(command, "Print JSON; durations in milliseconds, sizes in bytes");
  const readFlags = addSettingFlags(command);
  addExamples(command, "invoked config", "invoked config --max-body 24MiB --json");
  command.action(({ json }: { readonly json?: true }) => {
    const resolved = resolveConfig(readFlags(), readEnvironment());
    console.log(json ? renderJson(resolved) : renderTable(resolved));
  });
}

function renderJson({ config, sources }: Resolved): string {
  const settings = ALL_SETTINGS.map((placed) => [
    placed.path,
    { value: settingToJson(placed, config), source: sources[placed.path] },
  ]);
  const passedOn = Object.entries(config.builder.registryEnv)
    .map(([name, value]) => [name, { value: maskCredentials(value), source: "variable" }]);
  return JSON.stringify(Object.fromEntries([...settings, ...passedOn]), null, 2);
}

function renderTable({ config, sources }: Resolved): string {
  const settings = ALL_SETTINGS.map((placed) => [
    nameOf(placed),
    formatSetting(placed, config),
    sources[placed.path],
  ]);
  const passedOn = Object.entries(config.builder.registryEnv)
    .map(([name, value]) => [name, maskCredentials(value), "variable"]);
  return alignColumns([["SETTING", "VALUE", "SOURCE"], ...settings, ...passedOn]);
}

function nameOf({ setting }: PlacedSetting): string {
  return setting.variableOnly ? variableOf(setting) : `--${setting.name}`;
}

/** The address of a proxy or registry without its user and password. */
function maskCredentials(address: string): string {
  return address.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/i, `$1${Secret.MASK}@`);
}
