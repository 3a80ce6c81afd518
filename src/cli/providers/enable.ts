import type { Command } from "commander";
import { registerSwitch } from "./switch.ts";

/** `invoked providers enable`: enables a provider with its trusts. */
export function register(command: Command): void {
  registerSwitch(command, "enable");
}
