/** What the commands share that call the API of a server. */
import type { Command } from "commander";
import type { Api } from "../client/api.ts";
import { printResult } from "../terminal/output.ts";
import {
  addExamples,
  addJsonOption,
  addYesOption,
  needYes,
  type YesFlags,
} from "./common_options.ts";
import { addServerOptions, type Server } from "./server_options.ts";

/** Adds the flags that name a server, `--json`, and examples. */
export function addApiOptions(command: Command, ...examples: readonly string[]): Server {
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, ...examples);
  return server;
}

/** Adds the same, and an action that gets the API of the server. It is closed after the action. */
export function addApiAction<Args extends unknown[]>(
  command: Command,
  examples: readonly string[],
  act: (api: Api, ...args: Args) => void | Promise<void>,
): void {
  const server = addApiOptions(command, ...examples);
  command.action(async (...args) => {
    using api = await server.connect();
    await act(api, ...args as Args);
  });
}

/** What a command is about to delete. */
interface Deletion {
  /** The thing in messages, such as `role calls-hello (ID)`. */
  readonly shown: string;
  /** What the question says beyond this, such as ` with its credentials`. */
  readonly consequence?: string;
  /** What follows the question. */
  readonly warning?: string;
  /** The fields that name the thing in JSON. */
  readonly named: Readonly<Record<string, string>>;
  remove(): Promise<unknown>;
}

/** Adds an action that finds what the arguments name, asks, and deletes it. */
export function addDeletion<Names extends string[]>(
  command: Command,
  examples: readonly string[],
  find: (api: Api, ...names: Names) => Promise<Deletion>,
): void {
  addYesOption(command);
  addApiAction(command, examples, async (api) => {
    const { yes, json } = command.opts<YesFlags>();
    const found = await find(api, ...command.processedArgs as Names);
    const { shown, consequence = "", warning = "", named } = found;
    await needYes(yes, `Delete ${shown}${consequence} on ${api.url}?${warning}`);
    await found.remove();
    printResult(json, { ...named, deleted: true }, `Deleted ${shown}`);
  });
}
