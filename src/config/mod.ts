/** The config room: from flags and environment to one typed, frozen {@link Config}. */
export type { Config, Group, SettingPath } from "./config.ts";
export { readEnvironment } from "./environment.ts";
export {
  ConfigError,
  formatSetting,
  type Given,
  resolveConfig,
  type Resolved,
  settingToJson,
  type Source,
} from "./resolve.ts";
export { Secret } from "./secret.ts";
export { ALL_SETTINGS, GROUP_TITLES, type PlacedSetting, variableOf } from "./setting_list.ts";
export type { Setting } from "./settings.ts";
export { formatBytes, formatDuration, parseBytes, parseDuration } from "./units.ts";
