/** `invoked users …`. */
import type { Command } from "commander";
import type { User } from "./client/users.ts";
import type { Register, Subcommand } from "./command_entry.ts";
import { addApiAction, addApiOptions, addDeletion } from "./options/api_command.ts";
import { addLimitOption, type JsonFlag, type ListFlags } from "./options/common_options.ts";
import {
  assertRolesOrNone,
  type RolesOptions,
  type Switch,
  SWITCHED,
} from "./options/identity_arguments.ts";
import { oneLine } from "./terminal/failure.ts";
import { printFields, printJson, printList, printResult, showTime } from "./terminal/output.ts";

export const COMMANDS: readonly Subcommand[] = [
  ["list", "List the people who have signed in, newest first", registerList],
  ["show", "Show a person with their roles", registerShow],
  [
    "set-roles",
    "Replace the roles of a person; groups of the provider may give others",
    registerSetRoles,
  ],
  [
    "disable",
    "Disable a person; sessions end, and personal clients fail from then on",
    registerSwitch("disable"),
  ],
  ["enable", "Enable a disabled person", registerSwitch("enable")],
  ["delete", "Delete a person with their sessions and personal clients", registerDelete],
];

const USER = ["<user>", "Email, username, name or id of the person"] as const;

/** `invoked users list`: lists the people who have signed in. */
function registerList(command: Command): void {
  command.option("--query <TEXT>", "Only people with this text in name, email or username");
  addLimitOption(command, "people");
  const examples = ["invoked users list", "invoked users list --query ada"];
  addApiAction(command, examples, async (api, options: ListFlags & { readonly query?: string }) => {
    const list = await api.users.list(options.query ?? "", options.limit);
    await printList(options.json, list, "No people", {
      NAME: ({ displayName }) => displayName,
      EMAIL: ({ email }) => email,
      ID: ({ id }) => id,
      ROLES: ({ roleIds }) => api.roles.describe(roleIds, "none"),
      STATE: ({ status }) => status.toLowerCase(),
      "LAST SIGN-IN": ({ lastSignInAt }) =>
        lastSignInAt === undefined ? "never" : showTime(lastSignInAt),
    });
  });
}

/** `invoked users show`: a person, with the roles that an owner and groups have given. */
function registerShow(command: Command): void {
  command.argument(...USER);
  const examples = ["invoked users show ada@example.com"];
  addApiAction(command, examples, async (api, name: string, { json }: JsonFlag) => {
    const user = await api.users.find(name);
    if (json) return printJson(user);
    const { roleIds, assignedRoleIds } = user;
    const ofGroups = roleIds.filter((id) => !assignedRoleIds.includes(id));
    printFields([
      ["name", user.displayName],
      ["email", user.email],
      ["username", user.username],
      ["id", user.id],
      ["state", user.status.toLowerCase()],
      ["roles", await api.roles.describe(assignedRoleIds, "none")],
      ["roles of groups", await api.roles.describe(ofGroups, "none")],
      ["last sign-in", user.lastSignInAt === undefined ? "never" : showTime(user.lastSignInAt)],
      ["created", showTime(user.createdAt)],
    ]);
  });
}

/** A person as messages show one. */
function shownUser({ displayName, id }: User): string {
  return oneLine(`${displayName} (${id})`);
}

/** `invoked users set-roles`: replaces the roles that owners give a person. */
function registerSetRoles(command: Command): void {
  command
    .argument(...USER)
    .argument("[role...]", "Names or ids of the new roles")
    .option("--none", "Remove all roles except the roles of groups");
  const server = addApiOptions(
    command,
    "invoked users set-roles ada@example.com functions:developer",
    "invoked users set-roles ada@example.com --none",
  );
  command.action(async (name: string, roles: readonly string[], { none, json }: RolesOptions) => {
    assertRolesOrNone(roles, none);
    using api = await server.connect();
    const found = await api.users.find(name);
    const user = await api.users.setRoles(found, await api.roles.idsOf(roles));
    if (json) return printJson(user);
    const names = await api.roles.describe(user.roleIds, "none");
    console.log(`Roles of ${shownUser(user)}: ${names}`);
  });
}

/** `invoked users disable` and `enable`: of a disabled person, sessions end, and personal clients fail. */
function registerSwitch(verb: Switch): Register {
  return (command) => {
    command.argument(...USER);
    const examples = [`invoked users ${verb} ada@example.com`];
    addApiAction(command, examples, async (api, name: string, { json }: JsonFlag) => {
      const user = await api.users.setDisabled(await api.users.find(name), verb === "disable");
      printResult(json, user, `${SWITCHED[verb]} ${shownUser(user)}`);
    });
  };
}

/** `invoked users delete`: deletes a person with their sessions and personal clients. */
function registerDelete(command: Command): void {
  command.argument(...USER);
  addDeletion(command, ["invoked users delete ada@example.com --yes"], async (api, name) => {
    const user = await api.users.find(name);
    return {
      shown: shownUser(user),
      consequence: " with their sessions and personal clients",
      named: { id: user.id },
      remove: () => api.users.delete(user),
    };
  });
}
