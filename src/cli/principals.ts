/** `invoked principals …`. */
import type { Command } from "commander";
import type { Register, Subcommand } from "./command_entry.ts";
import { printCredentials } from "./credentials.ts";
import { addApiAction, addApiOptions, addDeletion } from "./options/api_command.ts";
import { addLimitOption, type JsonFlag, type ListFlags } from "./options/common_options.ts";
import {
  addRoleOption,
  assertRolesOrNone,
  PRINCIPAL,
  type RolesOptions,
  type Switch,
  SWITCHED,
} from "./options/identity_arguments.ts";
import { oneLine } from "./terminal/failure.ts";
import {
  nameAndId,
  note,
  printFields,
  printJson,
  printList,
  printResult,
  showTime,
} from "./terminal/output.ts";

export const COMMANDS: readonly Subcommand[] = [
  ["create", "Create a service principal; print its id", registerCreate],
  ["list", "List service principals, newest first", registerList],
  ["show", "Show a service principal with its roles, credentials and functions", registerShow],
  ["set-roles", "Replace the roles of a service principal", registerSetRoles],
  ["rename", "Rename a service principal", registerRename],
  ["disable", "Disable a service principal with its credentials", registerSwitch("disable")],
  ["enable", "Enable a disabled service principal", registerSwitch("enable")],
  ["delete", "Delete a service principal with its credentials", registerDelete],
];

const CREDENTIALS_SHOWN = 100;

/** `invoked principals create`: creates a service principal. */
function registerCreate(command: Command): void {
  command.argument("<name>", "Name of the service principal");
  addRoleOption(command, "the principal");
  const examples = [
    "invoked principals create ci --role functions:developer",
    "invoked principals create report --json",
  ];
  addApiAction(
    command,
    examples,
    async (api, name: string, options: JsonFlag & { readonly role?: readonly string[] }) => {
      // An unknown role must not leave a principal without roles behind.
      const roleIds = await api.roles.idsOf(options.role ?? []);
      const made = await api.principals.create(name);
      const principal = roleIds.length === 0 ? made : await api.principals.setRoles(made, roleIds);
      if (options.json) return printJson(principal);
      const next = "make a credential with invoked credentials create";
      note(`Created service principal ${oneLine(name)}; ${next}`);
      console.log(principal.id);
    },
  );
}

/** `invoked principals list`: lists service principals. */
function registerList(command: Command): void {
  addLimitOption(command, "service principals");
  addApiAction(command, ["invoked principals list"], async (api, { limit, json }: ListFlags) => {
    await printList(json, await api.principals.list(limit), "No service principals", {
      NAME: ({ displayName }) => displayName,
      ID: ({ id }) => id,
      ROLES: ({ roleIds }) => api.roles.describe(roleIds, "none"),
      STATE: ({ disabled }) => disabled ? "disabled" : "enabled",
      CREATED: ({ createdAt }) => showTime(createdAt),
    });
  });
}

/** `invoked principals show`: one service principal with its credentials and functions. */
function registerShow(command: Command): void {
  command.argument(...PRINCIPAL);
  const examples = ["invoked principals show ci"];
  addApiAction(command, examples, async (api, name: string, { json }: JsonFlag) => {
    const principal = await api.principals.find(name);
    const [credentials, functionIds] = await Promise.all([
      api.principals.credentials(principal, CREDENTIALS_SHOWN),
      api.principals.functionsOf(principal),
    ]);
    if (json) return printJson({ ...principal, credentials, functionIds });
    const functions = await api.functionNames(functionIds);
    printFields([
      ["name", principal.displayName],
      ["id", principal.id],
      ["roles", await api.roles.describe(principal.roleIds, "none")],
      ["state", principal.disabled ? "disabled" : "enabled"],
      ["functions", functions.join(", ") || "none"],
      ["created", showTime(principal.createdAt)],
      ["changed", showTime(principal.updatedAt)],
    ]);
    note("");
    await printCredentials(api, credentials);
  });
}

/** `invoked principals set-roles`: replaces the roles of a service principal. */
function registerSetRoles(command: Command): void {
  command
    .argument(...PRINCIPAL)
    .argument("[role...]", "Names or ids of the new roles")
    .option("--none", "Remove all roles");
  const server = addApiOptions(
    command,
    "invoked principals set-roles ci functions:developer",
    "invoked principals set-roles ci --none",
  );
  command.action(async (name: string, roles: readonly string[], { none, json }: RolesOptions) => {
    assertRolesOrNone(roles, none);
    using api = await server.connect();
    const found = await api.principals.find(name);
    const principal = await api.principals.setRoles(found, await api.roles.idsOf(roles));
    if (json) return printJson(principal);
    const names = await api.roles.describe(principal.roleIds, "none");
    console.log(`Roles of ${oneLine(principal.displayName)}: ${names}`);
  });
}

/** `invoked principals rename`: renames a service principal. */
function registerRename(command: Command): void {
  command.argument(...PRINCIPAL).argument("<new-name>", "Its new name");
  addApiAction(
    command,
    ["invoked principals rename ci deploy"],
    async (api, name: string, displayName: string, { json }: JsonFlag) => {
      const principal = await api.principals.find(name);
      const renamed = await api.principals.update(principal, { displayName });
      const [before, after] = [principal, renamed].map((each) => oneLine(each.displayName));
      printResult(json, renamed, `Renamed ${before} to ${after}`);
    },
  );
}

/** `invoked principals disable` and `enable`: a service principal with its credentials and functions. */
function registerSwitch(verb: Switch): Register {
  return (command) => {
    command.argument(...PRINCIPAL);
    const examples = [`invoked principals ${verb} ci`];
    addApiAction(command, examples, async (api, name: string, { json }: JsonFlag) => {
      const found = await api.principals.find(name);
      const principal = await api.principals.update(found, { disabled: verb === "disable" });
      printResult(json, principal, `${SWITCHED[verb]} service principal ${nameAndId(principal)}`);
    });
  };
}

/** `invoked principals delete`: deletes a service principal with its credentials. */
function registerDelete(command: Command): void {
  command.argument(...PRINCIPAL);
  addDeletion(command, ["invoked principals delete ci --yes"], async (api, name) => {
    const principal = await api.principals.find(name);
    return {
      shown: `service principal ${nameAndId(principal)}`,
      consequence: " with its credentials",
      named: { id: principal.id },
      remove: () => api.principals.delete(principal),
    };
  });
}
