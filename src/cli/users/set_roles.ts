import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { assertRolesOrNone } from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson } from "../terminal/output.ts";
import { shownUser, USER_ARGUMENT, USER_HELP } from "./user_argument.ts";

interface Options {
  readonly none?: true;
  readonly json?: true;
}

/** `invoked users set-roles`: replaces the roles that owners give a person. */
export function register(command: Command): void {
  command
    .argument(USER_ARGUMENT, USER_HELP)
    .argument("[role...]", "Names or ids of the new roles")
    .option("--none", "Remove all roles except the roles of groups");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked users set-roles ada@example.com functions:developer",
    "invoked users set-roles ada@example.com --none",
  );
  command.action(async (name: string, roles: readonly string[], { none, json }: Options) => {
    assertRolesOrNone(roles, none);
    using api = await server.connect();
    const found = await api.users.find(name);
    const user = await api.users.setRoles(found, await api.roles.idsOf(roles));
    if (json) return printJson(user);
    const names = (await api.roles.namesOf(user.roleIds)).join(", ") || "none";
    console.log(`Roles of ${shownUser(user)}: ${names}`);
  });
}
