/** Reads flags, environment and the configuration file into one typed, frozen {@link Config}. */
export { CLEAR_HEADERS, hostsOfServer, isUrlOfServer, sendsInTheClear } from "./checks.ts";
export { changedSettings } from "./changes.ts";
export {
  type ClientSettings,
  profilesDir,
  resolveClientSettings,
  resolveTenantSettings,
  resolveTenantUrl,
  type TenantClient,
} from "./client.ts";
export { CLIENT_VARIABLES } from "./client_variables.ts";
export type { Config, Group, SettingPath } from "./config.ts";
export { FILE_SETTINGS } from "./config_file.ts";
export { DatabaseUrl, databaseUrl } from "./database_url.ts";
export { readEnvironment, takeSocketVariables } from "./environment.ts";
export {
  characters,
  exceeds,
  quoted,
  unknownMember,
  VIOLATION_OPTIONS,
  violationOf,
} from "./field_violations.ts";
export { type Form, isLoopback, type RoleMapping } from "./kinds.ts";
export { loadConfig } from "./load.ts";
export { nearest } from "./nearest.ts";
export {
  differingParameters,
  formatObjectStore,
  type ObjectStoreAddress,
  type S3Address,
  s3AddressIn,
  type S3Keys,
} from "./object_store.ts";
export {
  ConfigError,
  formatSetting,
  type Given,
  resolveConfig,
  type Resolved,
  settingToJson,
} from "./resolve.ts";
export type { Source } from "./source.ts";
export { Secret } from "./secret.ts";
export { SecretUrl, secretUrl } from "./secret_url.ts";
export {
  ALL_SETTINGS,
  GROUP_TITLES,
  type PlacedSetting,
  tableOf,
  VARIABLE_PREFIX,
  variableOf,
} from "./placed_settings.ts";
export type { Setting } from "./setting.ts";
export { urlOfTrace } from "./trace_url.ts";
export {
  countOf,
  formatBytes,
  formatCount,
  formatDuration,
  parseBytes,
  parseCount,
  parseDuration,
} from "./units.ts";
export { machineMemory } from "./default_memory.ts";
