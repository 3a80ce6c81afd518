/** Renders `docs/configuration.md` and `docs/configuration/`, the tables of settings in Markdown. */
import {
  ALL_SETTINGS,
  GROUP_TITLES,
  type PlacedSetting,
  type SettingPath,
  tableOf,
  variableOf,
} from "../src/config/mod.ts";

type Group = PlacedSetting["group"];

/** What most operators set first, in the order of the page. */
const FIRST: readonly SettingPath[] = [
  ...["server.host", "server.port", "server.publicUrl", "server.dataDir"] as const,
  ...["tls.certFile", "tls.keyFile", "server.trustedProxies"] as const,
  ...["database.url", "identity.masterKeyFile", "oidc.issuer"] as const,
  ...["invocations.maxRunning", "invocations.maxMemoryBytes", "invocations.timeoutMs"] as const,
  ...["retention.ageMs", "log.level"] as const,
];

const GROUPS = Map.groupBy(ALL_SETTINGS, ({ group }) => group);

/** The pages by their path. */
export const CONFIGURATION_PAGES: Readonly<Record<string, () => string>> = {
  "docs/configuration.md": renderFirstPage,
  ...Object.fromEntries(
    [...GROUPS].map(([group, settings]) => [
      `docs/configuration/${tableOf(group)}.md`,
      () => renderGroup(group, settings),
    ]),
  ),
};

const HEAD = `<!-- deno-fmt-ignore-file -->
<!-- Generated from src/config/settings.ts by \`deno task docs\`; do not edit. -->
`;

const INTRODUCTION = `# Configuration

Every setting is a flag of \`invoked serve\`, an environment variable, and a key of the configuration file. A flag takes
precedence over its variable, and a variable over the file. \`invoked config\` accepts the same flags, and prints each
value in force with its source: flag, variable, line of the file, or default. For an unknown name, an invalid value or
contradictory settings, the server prints one line per error and exits with code 2.`;

const CONFIGURATION_FILE = `## The configuration file

\`--config FILE\` or \`INVOKED_CONFIG\` names a file in [TOML](https://toml.io). Keys have the names of the flags, in one
table for each group:

\`\`\`toml
#:schema https://functions.example.com/invoked-server.schema.json

[server]
public-url = "https://functions.example.com"
drain-timeout = "60s"
trusted-proxies = ["10.1.0.0/16", "10.2.0.0/16"]

[invocations]
max-running = 16

[logging]
log-level = "warning"
\`\`\`

- Numbers are integers, and flags of the kind true or false are booleans. Lists are arrays. Durations and sizes are
  strings, as flags have them.
- A relative path in the file starts at the folder of the file. In flags and variables, a relative path starts at the
  working directory of the process.
- \`invoked config --toml\` prints a file with the values of your flags and variables. Defaults are comments. A URL
  with a secret is empty in the file: a server rejects the file until you fill it in.
- Editors complete and check the file by the JSON Schema that the first line names. Each server serves the schema at
  \`/invoked-server.schema.json\`, and each package contains \`invoked-server.schema.json\`.
- Keep secrets in files of their own, which settings such as \`--master-key-file\` name. The server rejects a URL with
  a secret in a file that every user can read, and a file that every user can change or replace.
- The file has at most 256 KiB. \`invoked worker\` and all commands with \`--data\` accept the same file. The
  local servers of \`dev\`, \`test\` and \`check\` ignore the file.
- SIGHUP applies changes of the log level and of the certificate to a
  [running server](server.md#reload-the-configuration). All other changes need a restart.`;

const VALUES = `## Values

Durations need a unit: \`500ms\`, \`60s\`, \`5m\`, \`1h\`, \`2d\`. Sizes need a unit: \`100B\`, \`512KiB\`,
\`128MiB\`, \`1GiB\` (powers of 1,024), \`6MB\` (powers of 1,000). \`0\` needs no unit.

The default of \`--max-memory\` is a quarter of the memory of the machine or container, at most 1 GiB and at least
\`--memory\`; \`invoked config\` prints the value.

Downloads of packages use these environment variables, also in lower case:
\`NPM_CONFIG_REGISTRY\`, \`DENO_CERT\`, \`DENO_TLS_CA_STORE\`, \`SSL_CERT_FILE\`, \`HTTP_PROXY\`,
\`HTTPS_PROXY\` and \`NO_PROXY\`.`;

const TABLE_HEAD = ["| Setting | Default | Accepts | Meaning |", "| --- | --- | --- | --- |"];

function renderFirstPage(): string {
  const first = FIRST.map((path) => {
    const placed = ALL_SETTINGS.find((candidate) => candidate.path === path);
    if (placed === undefined) throw new Error(`Unknown setting ${path}`);
    return placed;
  });
  const groups = [...GROUPS].map(([group, settings]) => {
    const names = settings.map(({ setting }) => `\`${nameOf(setting)}\``).join(", ");
    return `| [${GROUP_TITLES[group]}](configuration/${tableOf(group)}.md) | ${names} |`;
  });
  return [
    `${HEAD}\n${INTRODUCTION}`,
    ["## What most servers set", "", ...TABLE_HEAD, ...first.map(renderRow)].join("\n"),
    CONFIGURATION_FILE,
    VALUES,
    ["## All settings", "", "| Group | Settings |", "| --- | --- |", ...groups].join("\n"),
  ].join("\n\n") + "\n";
}

function renderGroup(group: Group, settings: readonly PlacedSetting[]): string {
  return [
    `${HEAD}\n# ${GROUP_TITLES[group]}`,
    `The table \`[${
      tableOf(group)
    }]\` of the [configuration file](../configuration.md#the-configuration-file) has these ` +
    "settings:",
    [...TABLE_HEAD, ...settings.map(renderRow)].join("\n"),
  ].join("\n\n") + "\n";
}

function renderRow({ setting }: PlacedSetting): string {
  const { kind, description, variableOnly, outsideFile, reloadable } = setting;
  const variable = `\`${variableOf(setting)}\``;
  const cells = [
    variableOnly ? `${variable} (neither flag nor key)` : `\`${nameOf(setting)}\`<br>${variable}`,
    setting.default === undefined ? "none" : `\`${setting.default}\``,
    kind.range ?? kind.accepts,
    `${description}${reloadable ? "; SIGHUP applies a change" : ""}${
      outsideFile ? "; no key of the file" : ""
    }`,
  ];
  return `| ${cells.join(" | ")} |`;
}

function nameOf(setting: PlacedSetting["setting"]): string {
  return setting.variableOnly ? variableOf(setting) : `--${setting.name}`;
}
