import {
  ALL_SETTINGS,
  GROUP_TITLES,
  type PlacedSetting,
  variableOf,
} from "../src/config/placed_settings.ts";

/** `docs/configuration.md`: the table of settings as a page, in Markdown. */
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

Every setting is a flag of \`invoked serve\` and an environment variable; a flag wins over its
variable. Secrets have a variable only. \`invoked config\` takes the same flags and prints what is in
force and where it came from. An unknown flag or variable, a bad value and settings that contradict
each other stop the server before it starts, with exit code 2 and one line for each fault.

Durations carry their unit: \`500ms\`, \`60s\`, \`5m\`, \`1h\`, \`2d\`. So do sizes: \`100B\`, \`512KiB\`,
\`128MiB\`, \`1GiB\` (powers of 1024), \`6MB\` (powers of 1000). A bare \`0\` needs no unit.

Package downloads of the builder obey \`NPM_CONFIG_REGISTRY\`, \`DENO_CERT\`, \`DENO_TLS_CA_STORE\`,
\`SSL_CERT_FILE\`, \`HTTP_PROXY\`, \`HTTPS_PROXY\` and \`NO_PROXY\`, also in lower case, as they are.`;

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
