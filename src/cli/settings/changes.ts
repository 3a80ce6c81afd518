import { VIOLATION_OPTIONS } from "../../config/field_violations.ts";
import { nearest } from "../../config/mod.ts";
import { FUNCTION_SETTINGS } from "../../resources/functions.ts";
import type { Api, FunctionChange } from "../client/api.ts";
import { volumeIdOf } from "../client/find.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import {
  SETTING_NAMES,
  settingDefault,
  type SettingName,
  settingSchema,
  type SettingValue,
} from "../folder/function_settings.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { jsonViolation } from "../terminal/json_violation.ts";

/** Begins the name of a variable among the names of settings. */
export const VARIABLE_PREFIX = "variables.";
const VOLUME = "volume";

/** The change that sets these settings. */
export async function changeTo(
  api: Api,
  fn: RemoteFunction,
  pairs: readonly (readonly [name: string, value: string])[],
): Promise<FunctionChange> {
  let change: FunctionChange = {};
  for (const [name, value] of pairs) {
    if (name.startsWith(VARIABLE_PREFIX)) {
      const variable = name.slice(VARIABLE_PREFIX.length);
      const variables = { ...change.variables ?? fn.variables, [variable]: value };
      change = { ...change, variables };
    } else if (name === VOLUME) change = { ...change, vfsId: await volumeIdOf(api, value) };
    else change = { ...change, [needSetting(name)]: await valueOf(needSetting(name), value) };
  }
  return change;
}

/** The change that resets these settings, and removes these variables. */
export function changeToDefaults(fn: RemoteFunction, names: readonly string[]): FunctionChange {
  let change: FunctionChange = {};
  for (const name of names) {
    if (name.startsWith(VARIABLE_PREFIX)) {
      const variable = name.slice(VARIABLE_PREFIX.length);
      const variables = change.variables ?? fn.variables;
      if (!Object.hasOwn(variables, variable)) throw noVariable(fn, variable);
      const kept = Object.entries(variables).filter(([other]) => other !== variable);
      change = { ...change, variables: Object.fromEntries(kept) };
    } else if (name === VOLUME) change = { ...change, vfsId: "" };
    else change = { ...change, [needSetting(name)]: settingDefault(needSetting(name)) };
  }
  return change;
}

function needSetting(name: string): SettingName {
  const known = SETTING_NAMES.find((setting) => setting === name);
  if (known !== undefined) return known;
  const names = [...SETTING_NAMES, VOLUME];
  const whole = SETTING_NAMES.find((setting) => name.startsWith(`${setting}.`));
  const likely = nearest(name, names);
  const hint = whole !== undefined
    ? `set the whole value as ${exampleOf(whole)}. `
    : likely === undefined
    ? ""
    : `did you mean ${likely}? `;
  throw new Failure(`Unknown setting ${JSON.stringify(oneLine(name))}`, {
    next: `${hint}The settings are ${names.join(", ")}, and ${VARIABLE_PREFIX}NAME for a variable`,
    exit: "usage",
  });
}

async function valueOf(name: SettingName, text: string): Promise<SettingValue> {
  const parsed = settingSchema(name).safeParse(await plainValue(name, text), VIOLATION_OPTIONS);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.length ? `${issue.path.join(".")}: ` : "it ";
  throw invalidValue(name, text, `${where}${issue?.message}`);
}

function invalidValue(name: SettingName, text: string, violation: string): Failure {
  const shown = text.startsWith("{") ? oneLine(text) : JSON.stringify(oneLine(text));
  return new Failure(`Invalid ${name} ${shown}: ${violation}`, {
    next: `write it as ${exampleOf(name)}`,
    exit: "usage",
  });
}

/** An example as a shell takes it. */
function exampleOf(name: SettingName): string {
  return `${name}=${FUNCTION_SETTINGS[name].example}`;
}

/** A number, a JSON object, or the text itself. @throws {Failure} for an object that is not JSON */
async function plainValue(name: SettingName, text: string): Promise<unknown> {
  if (/^-?[0-9.]+$/.test(text)) return Number(text);
  if (!text.startsWith("{")) return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidValue(name, text, `it is not JSON${await jsonViolation(text, error)}`);
  }
}

function noVariable({ displayName }: RemoteFunction, name: string): Failure {
  return new Failure(
    `Variable ${oneLine(name)} not found: ${displayName} has no variable of this name`,
    { next: "list them with invoked settings list" },
  );
}
