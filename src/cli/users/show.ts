import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printFields, printJson, showTime } from "../terminal/output.ts";
import { USER_ARGUMENT, USER_HELP } from "./user_argument.ts";

/** `invoked users show`: a person, with the roles that an owner and groups have given. */
export function register(command: Command): void {
  command.argument(USER_ARGUMENT, USER_HELP);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked users show ada@example.com");
  command.action(async (name: string, { json }: { readonly json?: true }) => {
    using api = await server.connect();
    const user = await api.users.find(name);
    if (json) return printJson(user);
    const { roleIds, assignedRoleIds } = user;
    const ofGroups = roleIds.filter((id) => !assignedRoleIds.includes(id));
    const named = async (ids: readonly string[]) =>
      (await api.roles.namesOf(ids)).join(", ") || "none";
    printFields([
      ["name", user.displayName],
      ["email", user.email],
      ["username", user.username],
      ["id", user.id],
      ["state", user.status.toLowerCase()],
      ["roles", await named(assignedRoleIds)],
      ["roles of groups", await named(ofGroups)],
      ["last sign-in", user.lastSignInAt === undefined ? "never" : showTime(user.lastSignInAt)],
      ["created", showTime(user.createdAt)],
    ]);
  });
}
