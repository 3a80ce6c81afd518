/** `invoked-server.schema.json`: the JSON Schema of the configuration file, from which editors complete and check it. */
import {
  FILE_SETTINGS,
  type Form,
  GROUP_TITLES,
  type PlacedSetting,
  tableOf,
} from "../src/config/mod.ts";

/** The text of the file. */
export function renderServerSchema(): string {
  const tables = Map.groupBy(FILE_SETTINGS, ({ group }) => group);
  const schema = {
    // Editors for TOML know no later draft.
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "invoked-server.toml",
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries([...tables].map(([group, settings]) => [tableOf(group), {
      type: "object",
      description: GROUP_TITLES[group],
      additionalProperties: false,
      properties: Object.fromEntries(
        settings.map((placed) => [placed.setting.name, schemaOf(placed)]),
      ),
    }])),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function schemaOf({ setting }: PlacedSetting): object {
  const { kind, description } = setting;
  const fallback = setting.default === undefined ? undefined : valueOf(kind.form, setting.default);
  return {
    ...formOf(kind.form),
    description: `${description}. Accepts ${kind.range ?? kind.accepts}`,
    ...fallback === undefined ? {} : { default: fallback },
  };
}

function formOf(form: Form | undefined): object {
  switch (form?.type) {
    case "integer":
    case "number":
      return { type: form.type, minimum: form.min, maximum: form.max };
    case "boolean":
      return { type: "boolean" };
    case "choice":
      return { enum: form.words };
    case "quantity": {
      const units = form.units.join("|");
      return { anyOf: [{ type: "string", pattern: `^(0|[0-9,]+ ?(${units}))$` }, { const: 0 }] };
    }
    case "list": {
      const items = { type: "string", pattern: "^[^,]+$" };
      return { anyOf: [{ type: "array", items, minItems: 1 }, { type: "string", minLength: 1 }] };
    }
    default:
      return { type: "string", minLength: 1 };
  }
}

function valueOf(form: Form | undefined, text: string): string | number | boolean {
  if (form?.type === "integer" || form?.type === "number") return Number(text);
  return form?.type === "boolean" ? text === "true" : text;
}
