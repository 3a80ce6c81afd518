import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import {
  assertRolesOrNone,
  PRINCIPAL_ARGUMENT,
  PRINCIPAL_HELP,
} from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";

interface Options {
  readonly none?: true;
  readonly json?: true;
}

/** `invoked principals set-roles`: replaces the roles of a service principal. */
export function register(command: Command): void {
  command
    .argument(PRINCIPAL_ARGUMENT, PRINCIPAL_HELP)
    .argument("[role...]", "Names or ids of the new roles")
    .option("--none", "Remove all roles");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked principals set-roles ci functions:developer",
    "invoked principals set-roles ci --none",
  );
  command.action(async (name: string, roles: readonly string[], { none, json }: Options) => {
    assertRolesOrNone(roles, none);
    using api = await server.connect();
    const found = await api.principals.find(name);
    const principal = await api.principals.setRoles(found, await api.roles.idsOf(roles));
    if (json) return printJson(principal);
    const names = (await api.roles.namesOf(principal.roleIds)).join(", ") || "none";
    console.log(`Roles of ${oneLine(principal.displayName)}: ${names}`);
  });
}
