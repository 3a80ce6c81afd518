/** `invoked.schema.json`: the JSON Schema of `invoked.json`, from which editors complete and check it. */
import {
  type Field,
  type Fields,
  isLimited,
  shownMembers,
  unsetOf,
  unsetText,
  writtenValues,
} from "../src/resources/field.ts";
import { FUNCTION_SETTINGS } from "../src/resources/functions.ts";

/** Durations as `parseDuration` of the command line accepts them. */
const DURATION_PATTERN = "^(0|[0-9,]+ ?(ms|s|m|min|h|d))$";

/** What `invoked.json` has besides the settings. */
const OTHERS = {
  $schema: { type: "string" },
  id: {
    type: "string",
    description: "Needed if several functions have the name, or the name on the server may change",
  },
  root: {
    type: "string",
    pattern: "^\\.\\.(?:/\\.\\.)*/?$",
    description: "A folder above, with files that the function imports",
  },
  triggers: {
    type: "object",
    additionalProperties: { type: "object" },
    description: "What starts the function, by name",
  },
  tests: { type: "object", description: "What the tests have besides the code" },
};

/** The text of the file. */
export function renderManifestSchema(): string {
  const settings = Object.entries<Field>(FUNCTION_SETTINGS).flatMap(([name, field]) =>
    field.file === null ? [] : [[field.file ?? name, schemaOf(field)] as const]
  );
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "invoked.json",
    type: "object",
    required: ["name"],
    additionalProperties: false,
    properties: { ...OTHERS, ...Object.fromEntries(settings) },
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function schemasOf(fields: Fields): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, schemaOf(field)]),
  );
}

function schemaOf(field: Field): object {
  return { ...formOf(field), ...describe(field) };
}

function describe(field: Field): object {
  const { about, request = about } = field;
  const inForce = unsetText(field);
  const most = isLimited(field) ? `at most ${field.max.flag} of the server` : undefined;
  const meaning = [request, most, inForce === undefined ? undefined : `default: ${inForce}`]
    .filter((part) => part !== undefined).join("; ");
  return {
    ...meaning === "" ? {} : { description: meaning },
    ...field.kind === "id" ? {} : { default: unsetOf(field) },
  };
}

function formOf(field: Field): object {
  switch (field.kind) {
    case "text":
      return {
        type: "string",
        ...field.isNeeded ? { pattern: "\\S" } : {},
        ...field.max === undefined ? {} : { maxLength: field.max },
      };
    case "id":
      return { type: "string", minLength: 1 };
    case "count":
      return {
        type: "integer",
        minimum: 0,
        ...typeof field.max === "number" ? { maximum: field.max } : {},
      };
    case "duration":
      return { type: "string", pattern: DURATION_PATTERN, examples: ["30s"] };
    case "oneOf":
      return { enum: writtenValues(field) };
    case "list":
      return {
        type: "array",
        items: field.values === undefined ? { type: "string" } : { enum: field.values },
        ...field.max === undefined ? {} : { maxItems: field.max },
      };
    case "values":
      return { type: "object", additionalProperties: { type: "string" } };
    case "group":
      return {
        type: "object",
        additionalProperties: false,
        properties: schemasOf(shownMembers(field)),
      };
  }
}
