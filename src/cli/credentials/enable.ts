import type { Command } from "commander";
import { registerSwitch } from "./switch.ts";

/** `invoked credentials enable`: enables a credential of a service principal. */
export function register(command: Command): void {
  registerSwitch(command, "enable");
}
