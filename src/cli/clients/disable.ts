import type { Command } from "commander";
import { registerSwitch } from "./client_argument.ts";

/** `invoked clients disable`: rejects a client until it is enabled. */
export function register(command: Command): void {
  registerSwitch(command, "disable");
}
