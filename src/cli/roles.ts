/** `invoked roles …`. */
import type { Command } from "commander";
import { countOf } from "../config/mod.ts";
import type { Api } from "./client/api.ts";
import { findFunction } from "./client/find.ts";
import type { RoleChange } from "./client/roles.ts";
import type { Subcommand } from "./command_entry.ts";
import { addApiAction, addDeletion } from "./options/api_command.ts";
import { addLimitOption, type JsonFlag, type ListFlags } from "./options/common_options.ts";
import { valuesGiven } from "./options/identity_arguments.ts";
import { oneLine, UsageFailure } from "./terminal/failure.ts";
import {
  nameAndId,
  note,
  printFields,
  printJson,
  printList,
  printResult,
  printTable,
} from "./terminal/output.ts";

export const COMMANDS: readonly Subcommand[] = [
  ["list", "List the roles that the caller may see", registerList],
  ["show", "Show a role with its permissions", registerShow],
  ["create", "Create a role; print its id", registerCreate],
  ["update", "Change a role for all who have it", registerUpdate],
  ["delete", "Delete an unused role", registerDelete],
];

const ROLE = ["<role>", "Name or id of the role"] as const;
const PERMISSION_PREFIX = "permission/";

/** The flags of commands that make or change a role. */
interface RoleOptions extends JsonFlag {
  readonly name?: string;
  readonly permission?: readonly string[];
  readonly function?: readonly string[];
}

/** @param empty how an update empties a list, for the help */
function addRoleSettings(command: Command, empty = ""): void {
  command
    .option(
      "--permission <PERMISSION...>",
      `Ids of the operations that the role permits, as docs/permissions.md lists them${empty}`,
    )
    .option(
      "--function <FUNCTION...>",
      `Names or ids of the functions that the role counts for, instead of all functions${empty}`,
    );
}

/** What the flags set. */
async function roleChange(
  api: Api,
  { permission, function: functions }: RoleOptions,
): Promise<RoleChange> {
  const [permissions, names] = [valuesGiven(permission), valuesGiven(functions)];
  const found = names && await Promise.all(names.map((name) => findFunction(api, name)));
  return {
    ...permissions === undefined ? {} : { permissions },
    ...found === undefined ? {} : { functionIds: found.map(({ id }) => id) },
  };
}

/** `invoked roles list`: lists the roles that the caller may see. */
function registerList(command: Command): void {
  addLimitOption(command, "roles");
  addApiAction(command, ["invoked roles list"], async (api, { limit, json }: ListFlags) => {
    await printList(json, await api.roles.list(limit), "No roles", {
      NAME: ({ name }) => name,
      ID: ({ id }) => id,
      DESCRIPTION: ({ systemBuiltin, displayName }) => systemBuiltin ? displayName : "",
      PERMISSIONS: ({ permissions }) => String(permissions.length),
      FUNCTIONS: ({ functionIds: { length } }) =>
        length === 0 ? "all" : countOf(length, "function"),
    });
  });
}

/** `invoked roles show`: one role with its permissions. */
function registerShow(command: Command): void {
  command.argument(...ROLE);
  const examples = ["invoked roles show functions:invoker"];
  addApiAction(command, examples, async (api, name: string, { json }: JsonFlag) => {
    const role = await api.roles.find(name);
    if (json) return printJson(role);
    const functions = await api.functionNames(role.functionIds);
    printFields([
      ["name", role.name],
      ["description", role.systemBuiltin ? role.displayName : undefined],
      ["id", role.id],
      ["built-in", role.systemBuiltin ? "yes" : "no"],
      ["functions", functions.join(", ") || "all"],
    ]);
    note("");
    // The last part names the operation, and what is before it the service.
    const rows = role.permissions.map((permission) => {
      const [, service = "", operation = permission] =
        /^(.*)\.(\w+)$/.exec(permission.replace(PERMISSION_PREFIX, "")) ?? [];
      return [service, operation];
    });
    printTable(["SERVICE", "OPERATION"], rows, "No permissions beyond what every role has");
  });
}

/** `invoked roles create`: creates a role. */
function registerCreate(command: Command): void {
  command.argument("<name>", "Name of the role");
  addRoleSettings(command);
  const examples = [
    "invoked roles create calls-hello --permission c1.api.functions.v1.FunctionsService.Invoke --function hello",
  ];
  addApiAction(command, examples, async (api, name: string, options: RoleOptions) => {
    const role = await api.roles.create({ displayName: name, ...await roleChange(api, options) });
    if (options.json) return printJson(role);
    note(`Created role ${oneLine(name)}`);
    console.log(role.id);
  });
}

/** `invoked roles update`: changes a role for everybody who has it. */
function registerUpdate(command: Command): void {
  command.argument(...ROLE).option("--name <NAME>", "New name of the role");
  addRoleSettings(command, "; '' for none");
  const examples = [
    "invoked roles update calls-hello --function hello goodbye",
    "invoked roles update calls-hello --function ''",
  ];
  addApiAction(command, examples, async (api, nameOrId: string, options: RoleOptions) => {
    const { name, json } = options;
    const role = await api.roles.find(nameOrId);
    const change = {
      ...name === undefined ? {} : { displayName: name },
      ...await roleChange(api, options),
    };
    if (Object.keys(change).length === 0) {
      throw new UsageFailure("No change named: the command has no flag that changes the role", {
        next: "give --name, --permission or --function",
      });
    }
    const changed = await api.roles.update(role, change);
    printResult(json, changed, `Changed role ${nameAndId(changed)}`);
  });
}

/** `invoked roles delete`: deletes an unused role. */
function registerDelete(command: Command): void {
  command.argument(...ROLE);
  addDeletion(command, ["invoked roles delete calls-hello --yes"], async (api, name) => {
    const role = await api.roles.find(name);
    return {
      shown: `role ${nameAndId(role)}`,
      named: { id: role.id },
      remove: () => api.roles.delete(role),
    };
  });
}
