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
    else change = { ...change, [needSetting(name)]: valueOf(needSetting(name), value) };
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
  const likely = nearest(name, names);
  const hint = likely === undefined ? "" : `did you mean ${likely}? `;
  throw new Failure(`Unknown setting ${JSON.stringify(oneLine(name))}`, {
    next: `${hint}The settings are ${names.join(", ")}, and ${VARIABLE_PREFIX}NAME for a variable`,
    exit: "usage",
  });
}

function valueOf(name: SettingName, text: string): SettingValue {
  const parsed = settingSchema(name).safeParse(plainValue(text), VIOLATION_OPTIONS);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.length ? `${issue.path.join(".")}: ` : "it ";
  throw new Failure(
    `Invalid ${name} ${JSON.stringify(oneLine(text))}: ${where}${issue?.message}`,
    { next: `write it as ${name}=${FUNCTION_SETTINGS[name].example}`, exit: "usage" },
  );
}

/** A number, a JSON object, or the text itself. */
function plainValue(text: string): unknown {
  if (/^-?[0-9.]+$/.test(text)) return Number(text);
  if (!text.startsWith("{")) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function noVariable({ displayName }: RemoteFunction, name: string): Failure {
  return new Failure(
    `Variable ${oneLine(name)} not found: ${displayName} has no variable of this name`,
    { next: "list them with invoked settings list" },
  );
}
