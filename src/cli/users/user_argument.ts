import type { Command } from "commander";
import type { User } from "../client/users.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";

export const USER_ARGUMENT = "<user>";
export const USER_HELP = "Email, username, name or id of the person";

/** A person as messages show one. */
export function shownUser({ displayName, id }: User): string {
  return oneLine(`${displayName} (${id})`);
}

/** Makes a command that disables or enables a person. */
export function registerSwitch(command: Command, verb: "disable" | "enable"): void {
  command.argument(USER_ARGUMENT, USER_HELP);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, `invoked users ${verb} ada@example.com`);
  command.action(async (name: string, { json }: { readonly json?: true }) => {
    using api = await server.connect();
    const found = await api.users.find(name);
    const user = await api.users.setDisabled(found, verb === "disable");
    if (json) printJson(user);
    else console.log(`${verb === "disable" ? "Disabled" : "Enabled"} ${shownUser(user)}`);
  });
}
