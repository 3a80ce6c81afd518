import type { Command } from "commander";
import { registerSwitch } from "./switch.ts";

/** `invoked trigger pause`: pauses a trigger. */
export function register(command: Command): void {
  registerSwitch(command, "pause");
}
