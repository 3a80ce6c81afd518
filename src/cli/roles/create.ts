import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { note, printJson } from "../terminal/output.ts";
import { addRoleSettings, roleChange, type RoleOptions } from "./role_options.ts";

/** `invoked roles create`: creates a role. */
export function register(command: Command): void {
  command.argument("<name>", "Name of the role");
  addRoleSettings(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked roles create calls-hello --permission c1.api.functions.v1.FunctionsService.Invoke --function hello",
  );
  command.action(async (name: string, options: RoleOptions & { readonly json?: true }) => {
    using api = await server.connect();
    const role = await api.roles.create({ displayName: name, ...await roleChange(api, options) });
    if (options.json) return printJson(role);
    note(`Created role ${oneLine(name)}`);
    console.log(role.id);
  });
}
