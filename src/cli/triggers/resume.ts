import type { Command } from "commander";
import { registerSwitch } from "./switch.ts";

/** `invoked trigger resume`: resumes a trigger. */
export function register(command: Command): void {
  registerSwitch(command, "resume");
}
