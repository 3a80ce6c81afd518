import type { Command } from "commander";
import type { Api } from "../client/api.ts";
import { findFunction } from "../client/find.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import { readNameOrId } from "../folder/manifest.ts";
import { UsageFailure } from "../terminal/failure.ts";
import { addApiAction } from "./api_command.ts";

/** The argument of commands about one function, with its help. */
export const FUNCTION = [
  "[function]",
  "Name or id of the function [default ., the function of this folder's invoked.json]",
] as const;

/** The argument of commands that need an explicit function. */
export const REQUIRED_FUNCTION = [
  "<function>",
  "Name or id of the function; . is the function of this folder's invoked.json",
] as const;

/** An optional commit that is the head by default. */
export const COMMIT_HELP = "Id, HEAD or tag of the commit [default HEAD]";

/** Finds the function of the argument. */
export async function functionOf(api: Api, argument = "."): Promise<RemoteFunction> {
  if (argument !== ".") return await findFunction(api, argument);
  const named = await readNameOrId(Deno.cwd());
  if (named === undefined) {
    throw new UsageFailure(
      "No function named: the command names none, and this folder has no invoked.json",
      { next: "name a function, or change to the folder of one" },
    );
  }
  return await findFunction(api, named);
}

/** Adds an action of a command of the API that gets the function of the first argument. */
export function addFunctionAction<Args extends unknown[]>(
  command: Command,
  examples: readonly string[],
  act: (api: Api, fn: RemoteFunction, ...args: Args) => void | Promise<void>,
): void {
  addApiAction(command, examples, async (api, name: string | undefined, ...args: Args) => {
    await act(api, await functionOf(api, name), ...args);
  });
}
