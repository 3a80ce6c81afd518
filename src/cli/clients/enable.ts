import type { Command } from "commander";
import { registerSwitch } from "./client_argument.ts";

/** `invoked clients enable`: accepts a disabled client again. */
export function register(command: Command): void {
  registerSwitch(command, "enable");
}
