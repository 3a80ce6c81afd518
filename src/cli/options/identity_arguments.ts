/** Arguments and flags of commands about principals, credentials and roles. */
import { type Command, Option } from "commander";
import { Failure } from "../terminal/failure.ts";
import { parseLifetime } from "./time.ts";

export const PRINCIPAL_ARGUMENT = "<principal>";
export const PRINCIPAL_HELP = "Name or id of the service principal";
export const CREDENTIAL_ARGUMENT = "<credential>";
export const CREDENTIAL_HELP = "Name, id or client id of the credential";
export const ROLE_ARGUMENT = "<role>";
export const ROLE_HELP = "Name or id of the role";

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

/** Checks the arguments of commands that replace roles. @throws {Failure} */
export function assertRolesOrNone(roles: readonly string[], none: true | undefined): void {
  if ((roles.length === 0) === (none === true)) return;
  throw new Failure("Name at least one role, or give --none to remove all roles", {
    next: "list the roles with invoked roles list",
    exit: "usage",
  });
}

/** The values of a flag that lists; an empty value empties the list. */
export function valuesGiven(values: readonly string[] | undefined): string[] | undefined {
  return values?.filter((value) => value !== "");
}

/** `--expires`, how long a credential works. */
export function addExpiresOption(command: Command): void {
  command.addOption(
    new Option("--expires <DURATION>", "Lifetime of the credential, such as 30d; at most 180d")
      .argParser(parseLifetime).default(undefined, "180d"),
  );
}
