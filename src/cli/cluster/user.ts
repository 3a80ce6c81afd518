/** The arguments that name a user of NATS. */
import { Argument, type Command, InvalidArgumentError } from "commander";
import type { ClusterUser } from "../../compose/credentials.ts";

const ROLES: readonly ClusterUser["role"][] = ["api", "worker"];
/** NATS shows the name, and a file may have it. */
const NAME = /^[A-Za-z0-9.-]{1,200}$/;

/** Adds `<role>` and `<name>`. */
export function addUserArguments(command: Command): void {
  command.addArgument(new Argument("<role>", "api or worker").choices(ROLES));
  command.argument("<name>", "Name of the user, such as the host name of its node", parseName);
}

function parseName(name: string): string {
  if (NAME.test(name)) return name;
  throw new InvalidArgumentError("It must have 1 to 200 letters, digits, dots and dashes.");
}
