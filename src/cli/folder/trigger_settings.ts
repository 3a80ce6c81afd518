/** The settings of triggers as people write them: their names, and the values in force for absent settings. */
import { z } from "zod";
import { complete, type Field, type Fields } from "../../resources/field.ts";
import { TRIGGER_SETTINGS } from "../../resources/triggers.ts";
import type { Kind, TriggerSettings } from "../client/triggers.ts";

/**
 * Settings of which the names are checked. The server checks the values, but ignores what it does not know.
 * @param nested settings that contain settings
 */
function settings(
  names: readonly string[],
  nested: Readonly<Record<string, z.ZodType>> = {},
): z.ZodType<TriggerSettings> {
  const plain = Object.fromEntries(names.map((name) => [name, z.unknown().optional()]));
  const all = [...names, ...Object.keys(nested)];
  return z.strictObject({ ...plain, ...nested }, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return undefined;
      const unknown = issue.keys.map((key) => JSON.stringify(key)).join(", ");
      return `has no setting ${unknown}; it has ${all.length === 0 ? "none" : all.join(", ")}`;
    },
  });
}

function schemaOf(fields: Fields): z.ZodType<TriggerSettings> {
  const all = Object.entries(fields);
  const plain = all.filter(([, { kind }]) => kind !== "group").map(([name]) => name);
  const nested = all.flatMap(([name, field]) =>
    field.kind === "group" ? [[name, schemaOf(field.fields).nullish()] as const] : []
  );
  return settings(plain, Object.fromEntries(nested));
}

/** The settings of each kind. */
export const SETTINGS_OF: Readonly<Record<Kind, z.ZodType<TriggerSettings>>> = {
  schedule: schemaOf(TRIGGER_SETTINGS.schedule),
  webhook: schemaOf(TRIGGER_SETTINGS.webhook),
  http: schemaOf(TRIGGER_SETTINGS.http),
};

/** Settings as the server answers them. */
export function asAnswered(kind: Kind, given: TriggerSettings): TriggerSettings {
  const fields: Fields = TRIGGER_SETTINGS[kind];
  return complete(fields, canonical(fields, given));
}

/** The forms that the server answers. */
function canonical(fields: Fields, given: object): TriggerSettings {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, canonicalValue(fields[name], value)]),
  );
}

function canonicalValue(field: Field | undefined, value: unknown): unknown {
  switch (field?.kind) {
    case "group":
      return typeof value === "object" && value !== null ? canonical(field.fields, value) : value;
    case "time": {
      const time = Date.parse(String(value));
      return Number.isNaN(time) ? value : new Date(time).toISOString();
    }
    case "count":
      return typeof value === "string" ? Number(value) : value;
    case "duration": {
      const [, seconds] = /^(\d+(?:\.\d+)?)s$/.exec(String(value)) ?? [];
      return seconds === undefined ? value : `${Number(seconds)}s`;
    }
    case "text":
      return field.rule === "host" && typeof value === "string" ? value.toLowerCase() : value;
    default:
      return value;
  }
}
