import type { Command } from "commander";
import { ALL_FUNCTIONS } from "../client/schemas.ts";
import { needsAddition } from "../client/api_error.ts";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import { functionOf } from "../options/function_argument.ts";
import { addServerOptions } from "../options/server_options.ts";
import { firstLine } from "../terminal/failure.ts";
import { printJson, printTable, showCount, showTime } from "../terminal/output.ts";

const DEFAULT_LIMIT = 20;

/** `invoked dead-letters list`: failed invocations without further attempts, of one function or of all functions. */
export function register(command: Command): void {
  command.argument("[function]", "Name or id of the function [default all functions]");
  addLimitOption(command, "dead letters", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked dead-letters list", "invoked dead-letters list hello");
  command.action(
    async (
      name: string | undefined,
      { limit, json }: { readonly limit: number; readonly json?: true },
    ) => {
      using api = await server.connect();
      const fn = name === undefined ? ALL_FUNCTIONS : await functionOf(api, name);
      const list = await needsAddition("dead letters", api.replays.deadLetters(fn, limit));
      if (json) return printJson(list);
      printTable(
        ["DEAD LETTER", "FUNCTION", "PARKED", "ATTEMPTS", "ERROR"],
        list.map(({ id, functionId, parkedAt, attempts, error }) => [
          id,
          functionId,
          showTime(parkedAt),
          showCount(attempts.length),
          firstLine(error),
        ]),
        `${fn.displayName} has no dead letters`,
      );
    },
  );
}
