import type { Command } from "commander";
import { registerSwitch } from "./switch.ts";

/** `invoked trusts disable`: disables a trust. */
export function register(command: Command): void {
  registerSwitch(command, "disable");
}
