/** `invoked.schema.json`: the JSON Schema of `invoked.json`, from which editors complete and check it. */
import {
  type Field,
  type Fields,
  isLimited,
  shown,
  unsetOf,
  unsetText,
  writtenValues,
} from "../src/resources/field.ts";
import { FUNCTION_SETTINGS } from "../src/resources/functions.ts";
import { TRIGGER_SETTINGS } from "../src/resources/triggers.ts";

/** Durations as the command line takes them, and as the API does. */
const DURATION = { pattern: "^(0|[0-9,]+ ?(ms|s|m|min|h|d))$", examples: ["30s"] };
const API_DURATION = { pattern: "^[0-9]{1,9}([.][0-9]{1,9})?s$", examples: ["600s"] };

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
    additionalProperties: {
      type: "object",
      additionalProperties: false,
      properties: {
        ...Object.fromEntries(
          Object.entries(TRIGGER_SETTINGS).map((
            [kind, fields],
          ) => [kind, objectOf(fields, API_DURATION)]),
        ),
        paused: { type: "boolean" },
        volume: { type: "string", minLength: 1 },
      },
      oneOf: Object.keys(TRIGGER_SETTINGS).map((kind) => ({ required: [kind] })),
    },
    description: "What starts the function, by name",
  },
  tests: { type: "object", description: "What the tests have besides the code" },
};

/** The text of the file. */
export function renderManifestSchema(): string {
  const settings = Object.entries<Field>(FUNCTION_SETTINGS).flatMap(([name, field]) =>
    field.file === null ? [] : [[field.file ?? name, schemaOf(field, DURATION)] as const]
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

function objectOf(fields: Fields, duration: object): object {
  const properties = Object.entries(shown(fields))
    .map(([name, field]) => [name, schemaOf(field, duration)]);
  return {
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(properties),
  };
}

/** @param duration the form of durations */
function schemaOf(field: Field, duration: object): object {
  return { ...formOf(field, duration), ...describe(field) };
}

function describe(field: Field): object {
  const { about, request = about } = field;
  const inForce = unsetText(field);
  const most = isLimited(field) ? `at most ${field.max.flag} of the server` : undefined;
  const meaning = [request, most, inForce === undefined ? undefined : `default: ${inForce}`]
    .filter((part) => part !== undefined).join("; ");
  const isNeverEmpty = field.kind === "list" && field.emptyViolation !== undefined;
  const isPlain = !isNeverEmpty && !["id", "group", "time"].includes(field.kind);
  return {
    ...meaning === "" ? {} : { description: meaning },
    ...isPlain ? { default: unsetOf(field) } : {},
  };
}

function formOf(field: Field, duration: object): object {
  switch (field.kind) {
    case "text":
      return {
        type: "string",
        ...field.isNeeded ? { pattern: "\\S" } : {},
        ...field.max === undefined ? {} : { maxLength: field.max },
      };
    case "id":
      return { type: "string", minLength: 1 };
    case "time":
      return { type: "string", examples: ["2026-01-31T12:00:00Z"] };
    case "flag":
      return { type: "boolean" };
    case "object":
      return { type: "object" };
    case "count":
      return {
        type: "integer",
        minimum: 0,
        ...typeof field.max === "number" ? { maximum: field.max } : {},
      };
    case "duration":
      return { type: "string", ...duration };
    case "oneOf":
      return { enum: writtenValues(field) };
    case "list":
      return {
        type: "array",
        items: field.values === undefined ? { type: "string" } : { enum: field.values },
        ...field.emptyViolation === undefined ? {} : { minItems: 1 },
        ...field.max === undefined ? {} : { maxItems: field.max },
      };
    case "values":
      return { type: "object", additionalProperties: { type: "string" } };
    case "group":
      return objectOf(field.fields, duration);
  }
}
