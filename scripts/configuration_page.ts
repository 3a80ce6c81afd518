import {
  ALL_SETTINGS,
  GROUP_TITLES,
  type PlacedSetting,
  variableOf,
} from "../src/config/placed_settings.ts";

/** Renders `docs/configuration.md`, the table of settings in Markdown. */
export function renderConfigurationPage(): string {
  const groups = Map.groupBy(ALL_SETTINGS, ({ group }) => group);
  const sections = [...groups].map(([group, settings]) =>
    [`## ${GROUP_TITLES[group]}`, "", ...TABLE_HEAD, ...settings.map(renderRow)].join("\n")
  );
  return [INTRODUCTION, ...sections].join("\n\n") + "\n";
}

const INTRODUCTION = `<!-- deno-fmt-ignore-file -->
<!-- Generated from src/config/settings.ts by \`deno task docs\`; do not edit. -->

# Configuration

Every setting is a flag of \`invoked serve\` and an environment variable; the flag takes precedence. Secrets have
only a variable. \`invoked config\` accepts the same flags and prints each value in force with its
source. For an unknown flag or variable, an invalid value or contradictory settings, the server prints one line per
error and exits with code 2.

Durations need a unit: \`500ms\`, \`60s\`, \`5m\`, \`1h\`, \`2d\`. Sizes need a unit: \`100B\`, \`512KiB\`,
\`128MiB\`, \`1GiB\` (powers of 1,024), \`6MB\` (powers of 1,000). \`0\` needs no unit.

The default of \`--max-memory\` is a quarter of the memory of the machine or container, at most 1 GiB and at least
\`--memory\`; \`invoked config\` prints the value.

Downloads of packages use these environment variables, also in lower case:
\`NPM_CONFIG_REGISTRY\`, \`DENO_CERT\`, \`DENO_TLS_CA_STORE\`, \`SSL_CERT_FILE\`, \`HTTP_PROXY\`,
\`HTTPS_PROXY\` and \`NO_PROXY\`.`;

const TABLE_HEAD = ["| Setting | Default | Accepts | Meaning |", "| --- | --- | --- | --- |"];

function renderRow({ setting }: PlacedSetting): string {
  const { name, kind, description, variableOnly } = setting;
  const variable = `\`${variableOf(setting)}\``;
  const cells = [
    variableOnly ? `${variable} (no flag)` : `\`--${name}\`<br>${variable}`,
    setting.default === undefined ? "none" : `\`${setting.default}\``,
    kind.range ?? kind.accepts,
    description,
  ];
  return `| ${cells.join(" | ")} |`;
}
