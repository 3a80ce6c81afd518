import type { Command } from "commander";
import { registerSwitch } from "./switch.ts";

/** `invoked trusts enable`: enables a trust. */
export function register(command: Command): void {
  registerSwitch(command, "enable");
}
