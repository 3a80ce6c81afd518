/** Renders a configuration file. */
import { pathToFileURL } from "node:url";
import {
  type Config,
  FILE_SETTINGS,
  formatSetting,
  type PlacedSetting,
  type Resolved,
  tableOf,
} from "../../config/mod.ts";
import { SERVER_SCHEMA_NAME } from "../../shared/json_schemas.ts";
import { installed } from "../../shared/installation.ts";

/**
 * A configuration file with the values of flags, variables and file. Settings with their defaults are comments, so a later
 * version may choose better defaults. A server rejects the file until the values that {@link secretsOf} names are filled in.
 */
export function renderConfigFile(resolved: Resolved): string {
  const tables = Map.groupBy(FILE_SETTINGS, ({ group }) => tableOf(group));
  return [
    `#:schema ${pathToFileURL(installed(SERVER_SCHEMA_NAME))}`,
    "# Settings of invoked serve and invoked worker: --config or INVOKED_CONFIG names this file. Flags and variables take",
    "# precedence. A server applies the log level and the certificate on SIGHUP, and all others after a restart.",
    ...[...tables].flatMap(([table, settings]) => [
      "",
      `[${table}]`,
      ...settings.flatMap((placed) => renderSetting(placed, resolved)),
    ]),
  ].join("\n");
}

function renderSetting(placed: PlacedSetting, { config, sources }: Resolved): readonly string[] {
  const { name, description, kind } = placed.setting;
  const comment = `# ${description}`;
  if (sources[placed.path] === "default") {
    const fallback = placed.setting.default;
    return [comment, `#${name} =${fallback === undefined ? "" : ` ${written(kind, fallback)}`}`];
  }
  // Without the line, a server would silently use the default instead, such as another database.
  if (isSecret(placed, config)) return [comment, `${name} = "" # fill in: it contains a secret`];
  const value: unknown = valueOf(placed, config);
  const text = value === undefined ? undefined : kind.textOf?.(value);
  return [comment, `${name} = ${written(kind, text ?? formatSetting(placed, config))}`];
}

/** The settings whose values {@link renderConfigFile} leaves empty, because they contain secrets. */
export function secretsOf({ config, sources }: Resolved): readonly PlacedSetting[] {
  return FILE_SETTINGS.filter((placed) =>
    sources[placed.path] !== "default" && isSecret(placed, config)
  );
}

function isSecret(placed: PlacedSetting, config: Config): boolean {
  const { hidden, holdsSecret } = placed.setting.kind;
  const value: unknown = valueOf(placed, config);
  return hidden === true && value !== undefined && holdsSecret?.(value) !== false;
}

function valueOf({ group, field }: PlacedSetting, config: Config): unknown {
  return (config[group] as Readonly<Record<string, unknown>>)[field];
}

/** The text of a value in TOML. */
function written({ form }: PlacedSetting["setting"]["kind"], text: string): string {
  switch (form?.type) {
    case "integer":
      return text.replaceAll(",", "");
    case "number":
    case "boolean":
      return text;
    case "list":
      return `[${text.split(",").map(quoted).join(", ")}]`;
    default:
      return quoted(text);
  }
}

/** TOML's basic strings have the escapes of JSON, and escape DEL, too. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll("\x7f", "\\u007F");
}
