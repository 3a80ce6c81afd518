/** `invoked settings …`. */
import type { Command } from "commander";
import { VIOLATION_OPTIONS } from "../config/field_violations.ts";
import { nearest } from "../config/mod.ts";
import { FUNCTION_SETTINGS } from "../resources/functions.ts";
import type { Api, FunctionChange } from "./client/api.ts";
import { describeVolume, volumeIdOf } from "./client/find.ts";
import { describeTenant } from "./client/rights.ts";
import { fieldName } from "./client/names.ts";
import type { RemoteFunction } from "./client/schemas.ts";
import type { Subcommand } from "./command_entry.ts";
import {
  describeSettings,
  SETTING_NAMES,
  settingDefault,
  type SettingName,
  settingSchema,
  type SettingValue,
} from "./folder/function_settings.ts";
import { warnOfSecretVariables } from "./folder/secret_warning.ts";
import type { JsonFlag } from "./options/common_options.ts";
import { addFunctionAction, FUNCTION, REQUIRED_FUNCTION } from "./options/function_argument.ts";
import { pairIn } from "./options/variables.ts";
import { Failure, oneLine, UsageFailure } from "./terminal/failure.ts";
import { jsonViolation } from "./terminal/json_violation.ts";
import { printJson, printResult, printTable } from "./terminal/output.ts";

export const COMMANDS: readonly Subcommand[] = [
  [
    "list",
    "List the settings and variables of a function, and the limits in force",
    registerList,
  ],
  ["set", "Set limits, variables and the volume of a function", registerSet],
  ["unset", "Reset settings to the defaults of the server, and remove variables", registerUnset],
];

/** Begins the name of a variable among the names of settings. */
const VARIABLE_PREFIX = "variables.";
const VOLUME = "volume";

/** `invoked settings list`: the settings and variables of a function, and what is in force. */
function registerList(command: Command): void {
  command.argument(...FUNCTION);
  const examples = ["invoked settings list hello"];
  addFunctionAction(command, examples, async (api, fn, { json }: JsonFlag) => {
    const { vfsId, variables, effectiveLimits } = fn;
    if (json) {
      const settings = SETTING_NAMES.map((name) => [name, fn[name]]);
      return printJson({ ...Object.fromEntries(settings), vfsId, variables, effectiveLimits });
    }
    const named = Object.entries(variables);
    const volume = vfsId === "" ? "" : await describeVolume(api, vfsId);
    const tenant = await describeTenant(api, fn);
    printTable(["NAME", "OWN", "IN FORCE"], [
      ...describeSettings(fn).map(([name, own, now]) =>
        name === "tenant" ? [name, tenant, tenant] : [name, own, now]
      ),
      [VOLUME, volume, volume],
      ...named.map(([name, value]) => [VARIABLE_PREFIX + name, value, value]),
    ], "");
  });
}

/** `invoked settings set`: sets settings and variables of a function. */
function registerSet(command: Command): void {
  command
    .argument(...REQUIRED_FUNCTION)
    .argument(
      "<settings...>",
      "NAME=VALUE, with the names of invoked.json; variables.NAME=VALUE is a variable",
    );
  addFunctionAction(
    command,
    [
      "invoked settings set hello timeout=5m memoryMib=256",
      "invoked settings set hello variables.STAGE=production",
      `invoked settings set hello 'tenant={"id": "acme", "access": "READ"}'`,
    ],
    async (api, fn, given: string[], { json }: JsonFlag) => {
      const change = await changeTo(api, fn, given.map((text) => pairIn("a setting", text)));
      await api.updateFunction(fn, change);
      await warnOfSecretVariables(change.variables);
      printChanged("Set", fn, change, json);
    },
  );
}

/** `invoked settings unset`: resets settings to the defaults of the server, and removes variables of a function. */
function registerUnset(command: Command): void {
  command
    .argument(...REQUIRED_FUNCTION)
    .argument("<names...>", "Names of settings; variables.NAME is a variable");
  const examples = ["invoked settings unset hello timeout variables.STAGE"];
  addFunctionAction(command, examples, async (api, fn, given: string[], { json }: JsonFlag) => {
    const change = changeToDefaults(fn, given);
    await api.updateFunction(fn, change);
    printChanged("Reset", fn, change, json);
  });
}

function printChanged(
  verb: string,
  { id, displayName }: RemoteFunction,
  change: FunctionChange,
  json: true | undefined,
): void {
  const settings = Object.keys(change);
  const text = `${verb} ${settings.map(fieldName).join(", ")} of ${oneLine(displayName)}`;
  printResult(json, { functionId: id, settings }, text);
}

/** The change that sets these settings. */
async function changeTo(
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
function changeToDefaults(fn: RemoteFunction, names: readonly string[]): FunctionChange {
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
  throw new UsageFailure(`Unknown setting ${JSON.stringify(oneLine(name))}`, {
    next: `${hint}The settings are ${names.join(", ")}, and ${VARIABLE_PREFIX}NAME for a variable`,
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
  return new UsageFailure(`Invalid ${name} ${shown}: ${violation}`, {
    next: `write it as ${exampleOf(name)}`,
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
