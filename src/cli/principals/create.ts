import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addRoleOption } from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { note, printJson } from "../terminal/output.ts";

interface Options {
  readonly role?: readonly string[];
  readonly json?: true;
}

/** `invoked principals create`: creates a service principal. */
export function register(command: Command): void {
  command.argument("<name>", "Name of the service principal");
  addRoleOption(command, "the principal");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked principals create ci --role functions:developer",
    "invoked principals create report --json",
  );
  command.action(async (name: string, { role = [], json }: Options) => {
    using api = await server.connect();
    // An unknown role must not leave a principal without roles behind.
    const roleIds = await api.roles.idsOf(role);
    const made = await api.principals.create(name);
    const principal = roleIds.length === 0 ? made : await api.principals.setRoles(made, roleIds);
    if (json) return printJson(principal);
    note(
      `Created service principal ${
        oneLine(name)
      }; make a credential with invoked credentials create`,
    );
    console.log(principal.id);
  });
}
