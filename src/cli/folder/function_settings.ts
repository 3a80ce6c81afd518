/** The settings of a function as people write them: in `invoked.json`, and as `NAME=VALUE`. */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { unknownMember } from "../../config/field_violations.ts";
import { countOf, formatCount, formatDuration, parseDuration } from "../../config/units.ts";
import { type Field, type Fields, shown, unsetOf, writtenValues } from "../../resources/field.ts";
import {
  FUNCTION_SETTINGS,
  type FunctionSettingsInFile,
  type SettableName,
} from "../../resources/functions.ts";
import type { RemoteFunction } from "../client/schemas.ts";

const MS_PER_SECOND = 1000;

const DURATION_VIOLATION = `must be a duration with its unit, such as "500ms" or "30s"`;
/** A duration as flags take it, as the API has it. */
const duration = z.string({ error: DURATION_VIOLATION }).transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined) return `${(ms / MS_PER_SECOND).toFixed(ms % MS_PER_SECOND === 0 ? 0 : 3)}s`;
  context.addIssue({ code: "custom", message: DURATION_VIOLATION });
  return z.NEVER;
});
const count = z.number({ error: "must be a whole number" })
  .int({ error: "must be a whole number" }).min(0, { error: "must not be negative" });

/** @param withHidden also what answers never have: a secret is set by `invoked settings set`, and kept by deploys */
function schemaOf(field: Field, withHidden: boolean): z.ZodType {
  switch (field.kind) {
    case "count":
      return count;
    case "duration":
      return duration;
    case "oneOf":
      return z.enum(writtenValues(field), {
        error: `must be ${writtenValues(field).join(" or ")}`,
      });
    case "list": {
      const entries = z.array(z.string());
      return field.emptyViolation === undefined ? entries : entries.min(1, field.emptyViolation);
    }
    case "values":
      return z.record(z.string(), z.string());
    case "object":
      return z.record(z.string(), z.unknown());
    case "flag":
      return z.boolean();
    case "time":
      return z.string();
    case "text":
      return field.isNeeded ? z.string().regex(/\S/, "must not be empty") : z.string();
    case "id":
      // A name or an id.
      return z.string().min(1);
    case "group": {
      const fields = withHidden ? field.fields : shown(field.fields);
      const names = Object.keys(fields);
      const members = Object.entries(fields)
        .map(([name, member]) => [name, schemaOf(member, withHidden)]);
      return z.strictObject(Object.fromEntries(members), {
        error: ({ code, keys = [] }) =>
          code === "unrecognized_keys"
            ? unknownMember(keys as readonly string[], names)
            : `must be an object with some of ${names.join(", ")}`,
      }).partial();
    }
  }
}

const ALL = Object.entries<Field>(FUNCTION_SETTINGS);

type InFileSchemas = {
  readonly [N in keyof FunctionSettingsInFile]-?: undefined extends FunctionSettingsInFile[N]
    ? z.ZodOptional<z.ZodType<Exclude<FunctionSettingsInFile[N], undefined>>>
    : z.ZodType<FunctionSettingsInFile[N]>;
};
/** The settings under their names in `invoked.json`. */
export const IN_FILE = Object.fromEntries(
  ALL.flatMap(([name, field]) => {
    const schema = schemaOf(field, false);
    const isNeeded = "isNeeded" in field && field.isNeeded;
    return field.file === null ? [] : [[field.file ?? name, isNeeded ? schema : schema.optional()]];
  }),
) as InFileSchemas;

/** The settings that `invoked settings set` takes. */
export const SETTING_NAMES = ALL.filter(([, { example }]) => example !== undefined)
  .map(([name]) => name as SettableName);
export type SettingName = SettableName;

/** The schema of a setting as `invoked settings set` takes it. */
export function settingSchema(name: SettingName): z.ZodType<SettingValue> {
  return schemaOf(FUNCTION_SETTINGS[name], true) as z.ZodType<SettingValue>;
}

/** A value of a setting in the API. */
export type SettingValue = string | number | boolean | object;

/** What resets a setting to the default of the server. */
export function settingDefault(name: SettingName): SettingValue {
  return unsetOf(FUNCTION_SETTINGS[name]);
}

/** Converts values of `invoked.json` to the values of the domain. */
export function domainValues(fields: Fields, file: object): Readonly<Record<string, unknown>> {
  const values = file as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.entries(fields).map(([name, { kind }]) => {
      const value = values[name];
      const isDuration = kind === "duration" && typeof value === "string";
      return [name, isDuration ? MS_PER_SECOND * Number.parseFloat(value) : value];
    }),
  );
}

/** The settings of a function in words, by name: its own value, and what is in force. */
export function describeSettings(fn: RemoteFunction): [name: string, own: string, now: string][] {
  const { effectiveLimits: limits } = fn;
  return SETTING_NAMES.map((name) => {
    const value: SettingValue = fn[name] ?? "";
    const own = isDeepStrictEqual(value, settingDefault(name)) ? "" : describe(value);
    const inForce = name in limits ? limits[name as keyof typeof limits] : undefined;
    if (name === "retention" && own === "" && inForce === undefined) return [name, own, "for ever"];
    return [name, own, describe(inForce ?? value)];
  });
}

/** A value with the noun or the unit of its field. */
export function valueInWords(value: SettingValue, field: Field): string {
  if (field.kind !== "count") return describe(value);
  const { noun, unit } = field;
  if (noun !== undefined) return countOf(Number(value), noun);
  return unit === undefined ? describe(value) : `${describe(value)} ${unit}`;
}

function describe(value: SettingValue): string {
  if (typeof value === "object") {
    return Object.keys(value).length === 0 ? "" : JSON.stringify(value);
  }
  if (typeof value === "number") return formatCount(value);
  if (typeof value === "boolean") return String(value);
  const milliseconds = parseDuration(value);
  return milliseconds === undefined ? value : formatDuration(milliseconds);
}
