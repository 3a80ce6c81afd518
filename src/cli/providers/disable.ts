import type { Command } from "commander";
import { registerSwitch } from "./switch.ts";

/** `invoked providers disable`: disables a provider with its trusts. */
export function register(command: Command): void {
  registerSwitch(command, "disable");
}
