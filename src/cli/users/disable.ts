import type { Command } from "commander";
import { registerSwitch } from "./user_argument.ts";

/** `invoked users disable`: disables a person; sessions end, and personal clients fail. */
export function register(command: Command): void {
  registerSwitch(command, "disable");
}
