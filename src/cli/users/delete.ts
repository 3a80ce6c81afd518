import type { Command } from "commander";
import { addExamples, addJsonOption, addYesOption, YES_HINT } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { askForYes } from "../terminal/prompts.ts";
import { shownUser, USER_ARGUMENT, USER_HELP } from "./user_argument.ts";

/** `invoked users delete`: deletes a person with their sessions and personal clients. */
export function register(command: Command): void {
  command.argument(USER_ARGUMENT, USER_HELP);
  addYesOption(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked users delete ada@example.com --yes");
  command.action(async (name: string, { yes, json }: { readonly yes?: true; json?: true }) => {
    using api = await server.connect();
    const user = await api.users.find(name);
    const question = `Delete ${
      shownUser(user)
    } with their sessions and personal clients on ${api.url}?`;
    if (!yes && !await askForYes(question, YES_HINT)) {
      throw new Failure("Cancelled: nothing was deleted");
    }
    await api.users.delete(user);
    if (json) printJson({ id: user.id, deleted: true });
    else console.log(`Deleted ${shownUser(user)}`);
  });
}
