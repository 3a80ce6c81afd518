import type { Command } from "commander";
import type { Api } from "../client/api.ts";
import { findFunction } from "../client/find.ts";
import type { RoleChange } from "../client/roles.ts";
import { valuesGiven } from "../options/identity_arguments.ts";

/** The flags of commands that make or change a role. */
export interface RoleOptions {
  readonly permission?: readonly string[];
  readonly function?: readonly string[];
}

/** @param empty how an update empties a list, for the help */
export function addRoleSettings(command: Command, empty = ""): void {
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
export async function roleChange(
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
