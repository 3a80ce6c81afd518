/** The settings as a list: each with its path in Config, its heading and its variable. */
import type { Group, SettingPath } from "./config.ts";
import type { Setting } from "./setting.ts";
import { SETTINGS } from "./settings.ts";

/** The headings under which `--help` and the configuration page list the settings. */
export const GROUP_TITLES: Readonly<Record<Group, string>> = {
  server: "Server",
  tls: "TLS",
  database: "Database",
  nats: "Many machines",
  rates: "Rate limits",
  log: "Logging",
  telemetry: "Metrics and traces",
  alerts: "Alerts",
  identity: "Identity",
  oidc: "Sign-in with OpenID Connect",
  commits: "Commits",
  sandbox: "Sandbox",
  invocations: "Invocations",
  endpoints: "HTTP endpoints",
  reuse: "Process reuse",
  egress: "Egress",
  volumes: "Volumes",
  retention: "Retention",
  audit: "Audit log",
  triggers: "Triggers",
  tests: "Tests and types",
  builder: "Builder",
};

/** Tables of the configuration file that have another name than their group. */
const TABLE_NAMES: Readonly<Partial<Record<Group, string>>> = {
  nats: "cluster",
  rates: "rate-limits",
  log: "logging",
  reuse: "process-reuse",
};

/** The table of a group in the configuration file, and the name of its page in `docs/configuration`. */
export function tableOf(group: Group): string {
  return TABLE_NAMES[group] ?? group;
}

/** A setting with its path in Config. */
export interface PlacedSetting {
  readonly group: Group;
  readonly field: string;
  readonly path: SettingPath;
  readonly setting: Setting;
}

/** Every setting in the order of the table. */
export const ALL_SETTINGS: readonly PlacedSetting[] = Object.entries(SETTINGS).flatMap(
  ([group, rows]) =>
    Object.entries(rows).map(([field, setting]) => ({
      group: group as Group,
      field,
      path: `${group}.${field}` as SettingPath,
      setting: setting as Setting,
    })),
);

/** The environment variable of a setting, such as `INVOKED_MAX_BODY`. */
export function variableOf(setting: Setting): string {
  return VARIABLE_PREFIX + setting.name.replaceAll("-", "_").toUpperCase();
}

/** Prefix of the environment variables of all settings. */
export const VARIABLE_PREFIX = "INVOKED_";
