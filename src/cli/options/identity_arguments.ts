/** Arguments and flags of commands about principals, credentials and roles. */
import type { Command } from "commander";
import { UsageFailure } from "../terminal/failure.ts";
import type { JsonFlag } from "./common_options.ts";

/** The argument of commands about one service principal, with its help. */
export const PRINCIPAL = ["<principal>", "Name or id of the service principal"] as const;

/** `--role`, names or ids of roles. @param of whose roles, such as `the principal` @param end of the help */
export function addRoleOption(command: Command, of: string, end = ""): void {
  command.option("--role <ROLE...>", `Names or ids of the roles of ${of}${end}`);
}

/** `--source`, the networks from which a credential works. @param end of the help */
export function addSourceOption(command: Command, end = ""): void {
  command.option(
    "--source <NETWORK...>",
    `Networks or addresses from which the credential works, such as 192.0.2.0/24${end}`,
  );
}

/** The flags of commands that replace roles. */
export interface RolesOptions extends JsonFlag {
  readonly none?: true;
}

/** Checks the arguments of commands that replace roles. @throws {Failure} */
export function assertRolesOrNone(roles: readonly string[], none: true | undefined): void {
  if ((roles.length === 0) === (none === true)) return;
  throw new UsageFailure("Name at least one role, or give --none to remove all roles", {
    next: "list the roles with invoked roles list",
  });
}

/** The values of a flag that lists; an empty value empties the list. */
export function valuesGiven(values: readonly string[] | undefined): string[] | undefined {
  return values?.filter((value) => value !== "");
}

/** What a command does that disables a thing, or enables it again. */
export type Switch = "disable" | "enable";

/** How such a command reports the thing. */
export const SWITCHED: Readonly<Record<Switch, string>> = {
  disable: "Disabled",
  enable: "Enabled",
};
