import { findContradictions } from "./checks.ts";
import { CLIENT_VARIABLES } from "./client_variables.ts";
import type { Config, SettingPath } from "./config.ts";
import { type ConfigFile, nameInFile } from "./config_file.ts";
import { defaultMaxMemory, machineMemory } from "./default_memory.ts";
import { nearest } from "./nearest.ts";
import type { S3Keys } from "./object_store.ts";
import { Secret } from "./secret.ts";
import {
  ALL_SETTINGS,
  type PlacedSetting,
  VARIABLE_PREFIX,
  variableOf,
} from "./placed_settings.ts";
import type { Setting } from "./setting.ts";
import type { Source } from "./source.ts";

/** Texts of flags (`max-body` for `--max-body`) or of environment variables. */
export type Given = Readonly<Record<string, string | undefined>>;

/** The configuration in force, and where each setting comes from. */
export interface Resolved {
  readonly config: Config;
  readonly sources: Readonly<Record<SettingPath, Source>>;
  /** The configuration file, if one is in use. */
  readonly file: ConfigFile | undefined;
  /** The variables that give another process the values in force of some settings; secrets are among them. */
  variables(settings: readonly PlacedSetting[]): Readonly<Record<string, string>>;
}

/** The violations of flags, variables and the configuration file, one line each. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";

  constructor(readonly violations: readonly string[]) {
    super(violations.join("\n"));
  }
}

/** Where programs are looked up without PATH. */
const DEFAULT_SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/** Variables of headers for a collector (https://opentelemetry.io/docs/specs/otel/protocol/exporter/). */
const HEADER_VARIABLES = [
  "OTEL_EXPORTER_OTLP_HEADERS",
  "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
  "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
];

/** Variables of package downloads; each is passed on unchanged, also in lower case. */
const REGISTRY_VARIABLES = [
  "NPM_CONFIG_REGISTRY",
  "DENO_CERT",
  "DENO_TLS_CA_STORE",
  "SSL_CERT_FILE",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
].flatMap((name) => [name, name.toLowerCase()]);

/**
 * Resolves flags, environment and configuration file to a configuration. A flag wins over its variable, and a variable
 * over the file.
 *
 * Relative paths start at the working directory of the process.
 *
 * @param settings what the process uses; all others have their defaults, and their values are not checked
 * @throws {ConfigError} with every unknown name and invalid value, or with every contradiction
 */
export function resolveConfig(
  flags: Given,
  env: Given,
  file?: ConfigFile,
  settings: readonly PlacedSetting[] = ALL_SETTINGS,
): Resolved {
  const violations = [
    ...unknownFlags(flags),
    ...unknownVariables(env),
    ...file?.violations ?? [],
  ];
  const groups: Record<string, Record<string, unknown>> = {};
  const sources: Record<string, Source> = {};
  for (const placed of ALL_SETTINGS) {
    const { group, field, path, setting } = placed;
    const { source, text } = settings.includes(placed)
      ? findText(setting, flags, env, file)
      : { source: "default", text: setting.default } as const;
    sources[path] = source;
    const value = text === undefined ? undefined : setting.kind.parse(text);
    if (text !== undefined && value === undefined) {
      violations.push(describeBadValue(placed, source, text, file));
    }
    if (source === "file" && isPublic(file)) {
      const secret = describeSecret(setting, text, value);
      if (secret !== undefined) {
        violations.push(
          `${nameOf(placed, source, file)} ${secret}, but every user can read the file; ` +
            "chmod o-r the file, or move the secret to the file that another setting names",
        );
      }
    }
    groups[group] = { ...groups[group], [field]: value };
  }
  if (violations.length > 0) throw new ConfigError(violations);

  const password = env.PGPASSWORD;
  groups.database = {
    ...groups.database,
    environmentPassword: password ? new Secret(password) : undefined,
  };
  groups.nats = { ...groups.nats, environmentS3Keys: pickS3Keys(env) };
  const invocations = groups.invocations as { readonly [field: string]: number | undefined };
  groups.telemetry = { ...groups.telemetry, environmentHeaders: pickHeaders(env) };
  const { memoryBytes = 0, maxMemoryBytes = defaultMaxMemory(memoryBytes, machineMemory()) } =
    invocations;
  groups.invocations = { ...invocations, maxMemoryBytes };
  groups.sandbox = { ...groups.sandbox, searchPath: env.PATH ?? DEFAULT_SEARCH_PATH };
  groups.builder = { ...groups.builder, registryEnv: pickRegistryEnv(env) };
  const config = deepFreeze(groups) as unknown as Config;
  const contradictions = contradictionsIn(config, sources, file);
  if (contradictions.length > 0) throw new ConfigError(contradictions);
  return {
    config,
    sources: Object.freeze(sources) as Resolved["sources"],
    file,
    variables: (chosen) =>
      Object.fromEntries(chosen.flatMap(({ setting }) => {
        const { text } = findText(setting, flags, env, file);
        return text === undefined ? [] : [[variableOf(setting), text]];
      })),
  };
}

function contradictionsIn(
  config: Config,
  sources: Readonly<Record<string, Source>>,
  file: ConfigFile | undefined,
): readonly string[] {
  return findContradictions(config, sources).map(({ setting: path, must }) => {
    const placed = findSetting(path);
    const source = sources[path] ?? "default";
    const value = formatSetting(placed, config) + (source === "default" ? " by default" : "");
    return `${nameOf(placed, source, file)} is ${value}, but must be ${must}`;
  });
}

/** That a text contains a secret, or may contain one, in words; undefined without a secret. */
function describeSecret(
  { kind }: Setting,
  text: string | undefined,
  value: unknown,
): string | undefined {
  if (value !== undefined) return kind.holdsSecret?.(value) ? "contains a secret" : undefined;
  return kind.hidden && text !== undefined && text.trim() !== ""
    ? "may contain a secret"
    : undefined;
}

/** Whether users besides the owner and the group of the file can read it. */
function isPublic(file: ConfigFile | undefined): boolean {
  return ((file?.mode ?? 0) & 0o004) !== 0;
}

/** The value of one setting for people: with its unit, secrets masked, `none` without a value. */
export function formatSetting({ group, field, setting }: PlacedSetting, config: Config): string {
  const value: unknown = (config[group] as Readonly<Record<string, unknown>>)[field];
  return value === undefined ? "none" : setting.kind.format(value);
}

/** The value of one setting as JSON: in milliseconds or bytes, secrets masked, null without a value. */
export function settingToJson({ group, field }: PlacedSetting, config: Config): unknown {
  return (config[group] as Readonly<Record<string, unknown>>)[field] ?? null;
}

function findSetting(path: SettingPath): PlacedSetting {
  const placed = ALL_SETTINGS.find((candidate) => candidate.path === path);
  if (!placed) throw new Error(`Unknown setting ${path}`);
  return placed;
}

function findText(setting: Setting, flags: Given, env: Given, file: ConfigFile | undefined) {
  const flag = flags[setting.name];
  if (flag !== undefined) return { source: "flag", text: flag } as const;
  const variable = env[variableOf(setting)];
  if (variable !== undefined) return { source: "variable", text: variable } as const;
  const inFile = file?.values.get(setting.name);
  if (inFile !== undefined) return { source: "file", text: inFile.text } as const;
  return { source: "default", text: setting.default } as const;
}

function describeBadValue(
  placed: PlacedSetting,
  source: Source,
  text: string,
  file: ConfigFile | undefined,
): string {
  const name = nameOf(placed, source, file);
  const { setting } = placed;
  const { hidden, accepts, invalidPart, violation } = setting.kind;
  if (text === "") return `${name} is empty; omit it, or give ${accepts}`;
  const known = violation?.(text);
  if (known !== undefined) return `Invalid ${name}: ${known}`;
  return `Invalid ${name}: ${
    hidden ? "the value" : JSON.stringify(invalidPart?.(text) ?? text)
  } is not ${accepts}`;
}

function nameOf(placed: PlacedSetting, source: Source, file: ConfigFile | undefined): string {
  const { setting } = placed;
  const line = source === "file" ? file?.values.get(setting.name)?.line : undefined;
  if (file !== undefined && line !== undefined) return nameInFile(placed, file.path, line);
  return source === "variable" || setting.variableOnly ? variableOf(setting) : `--${setting.name}`;
}

function unknownFlags(flags: Given): readonly string[] {
  const known = ALL_SETTINGS.filter(({ setting }) => !setting.variableOnly)
    .map(({ setting }) => setting.name);
  return Object.keys(flags).filter((name) => flags[name] !== undefined && !known.includes(name))
    .map((name) => describeUnknown(`--${name}`, known.map((flag) => `--${flag}`)));
}

function unknownVariables(env: Given): readonly string[] {
  const known = [
    ...ALL_SETTINGS.map(({ setting }) => variableOf(setting)),
    ...Object.keys(CLIENT_VARIABLES),
  ];
  return Object.keys(env)
    .filter((name) => name.startsWith(VARIABLE_PREFIX) && env[name] !== undefined)
    .filter((name) => !known.includes(name))
    .map((name) => describeUnknown(name, known));
}

function describeUnknown(name: string, known: readonly string[]): string {
  const likely = nearest(name, known);
  const hint = likely === undefined ? "" : `; did you mean ${likely}?`;
  return `Unknown setting ${name}${hint}`;
}

function pickHeaders(env: Given): Readonly<Record<string, Secret>> {
  const found: Record<string, Secret> = {};
  for (const name of HEADER_VARIABLES) {
    const headers = env[name];
    if (headers) found[name] = new Secret(headers);
  }
  return found;
}

/** The access key of S3; undefined unless both of its parts are set. */
function pickS3Keys(
  {
    AWS_ACCESS_KEY_ID: id,
    AWS_SECRET_ACCESS_KEY: secret,
    AWS_SESSION_TOKEN: token,
  }: Given,
): S3Keys | undefined {
  if (!id || !secret) return undefined;
  return {
    accessKeyId: new Secret(id),
    secretAccessKey: new Secret(secret),
    ...token && { sessionToken: new Secret(token) },
  };
}

function pickRegistryEnv(env: Given): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of REGISTRY_VARIABLES) {
    const value = env[name];
    if (value !== undefined) found[name] = value;
  }
  return found;
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === "object" && inner !== null && !(inner instanceof Secret)) {
      deepFreeze(inner);
    }
  }
  return Object.freeze(value);
}
