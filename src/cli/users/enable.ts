import type { Command } from "commander";
import { registerSwitch } from "./user_argument.ts";

/** `invoked users enable`: enables a person. */
export function register(command: Command): void {
  registerSwitch(command, "enable");
}
