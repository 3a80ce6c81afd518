import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { ROLE_ARGUMENT, ROLE_HELP } from "../options/identity_arguments.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { note, printFields, printJson, printTable } from "../terminal/output.ts";

const PERMISSION_PREFIX = "permission/";

/** `invoked roles show`: one role with its permissions. */
export function register(command: Command): void {
  command.argument(ROLE_ARGUMENT, ROLE_HELP);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked roles show functions:invoker");
  command.action(async (name: string, { json }: { readonly json?: true }) => {
    using api = await server.connect();
    const role = await api.roles.find(name);
    if (json) return printJson(role);
    const functions = await Promise.all(role.functionIds.map(async (id) => {
      const fn = await api.functionById(id).catch(() => undefined);
      return fn === undefined ? id : oneLine(fn.displayName);
    }));
    printFields([
      ["name", role.name],
      ...role.systemBuiltin ? [["description", role.displayName] as const] : [],
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
    printTable(["SERVICE", "OPERATION"], rows, "No permissions beyond those of every role");
  });
}
