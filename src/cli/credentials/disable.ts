import type { Command } from "commander";
import { registerSwitch } from "./switch.ts";

/** `invoked credentials disable`: disables a credential of a service principal. */
export function register(command: Command): void {
  registerSwitch(command, "disable");
}
