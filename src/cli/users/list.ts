import type { Command } from "commander";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson, printTable, showTime } from "../terminal/output.ts";

const DEFAULT_LIMIT = 100;

interface Options {
  readonly query?: string;
  readonly limit: number;
  readonly json?: true;
}

/** `invoked users list`: lists the people who have signed in. */
export function register(command: Command): void {
  command.option("--query <TEXT>", "Only people with this text in name, email or username");
  addLimitOption(command, "people", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked users list", "invoked users list --query ada");
  command.action(async ({ query = "", limit, json }: Options) => {
    using api = await server.connect();
    const list = await api.users.list(query, limit);
    if (json) return printJson(list);
    const rows = await Promise.all(list.map(async (user) => [
      user.displayName,
      user.email,
      user.id,
      (await api.roles.namesOf(user.roleIds)).join(", ") || "none",
      user.status.toLowerCase(),
      user.lastSignInAt === undefined ? "never" : showTime(user.lastSignInAt),
    ]));
    printTable(["NAME", "EMAIL", "ID", "ROLES", "STATE", "LAST SIGN-IN"], rows, "No people");
  });
}
