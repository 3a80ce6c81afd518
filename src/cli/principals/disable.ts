import type { Command } from "commander";
import { registerSwitch } from "./switch.ts";

/** `invoked principals disable`: disables a service principal with its credentials and functions. */
export function register(command: Command): void {
  registerSwitch(command, "disable");
}
