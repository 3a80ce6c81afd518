import type { Command } from "commander";
import { registerList } from "./list.ts";
import { registerSet } from "./set.ts";
import { registerUnset } from "./unset.ts";

/** `invoked secrets`: the secrets of a function. */
export function registerSecrets(program: Command): void {
  const secrets = program.command("secrets")
    .description("Set, list and remove the secrets of a function");
  for (const register of [registerSet, registerList, registerUnset]) register(secrets);
}
