import type { Command } from "commander";
import type { Api } from "./client/api.ts";
import { followLogs, newInvocations, readLogs } from "./client/logs.ts";
import type { RemoteFunction } from "./client/schemas.ts";
import { printLogLine, printLogLineOf } from "./terminal/log_lines.ts";
import { note } from "./terminal/output.ts";
import {
  addExamples,
  addServerOptions,
  FUNCTION_ARGUMENT,
  FUNCTION_HELP,
  functionOf,
} from "./options/server_options.ts";
import { findInvocation } from "./show.ts";
import { listenForInterrupt } from "./terminal/signals.ts";

interface Options {
  readonly follow?: true;
  readonly json?: true;
}

/** `invoked logs`: what an invocation printed, also live. */
export function registerLogs(program: Command): void {
  const command = program.command("logs")
    .description("Print what an invocation printed")
    .argument(FUNCTION_ARGUMENT, FUNCTION_HELP)
    .argument("[invocation]", "Id of an invocation; without it the newest")
    .option(
      "--follow",
      "Print lines as they come: of the invocation until it ends, or without one of every new " +
        "invocation until Ctrl-C",
    );
  const server = addServerOptions(command);
  command.option("--json", "Print JSON, one line for each line of the log");
  addExamples(command, "invoked logs hello", "invoked logs hello --follow");
  command.action(
    async (name: string | undefined, id: string | undefined, { follow, json }: Options) => {
      using api = await server.connect();
      const fn = await functionOf(api, name);
      if (follow && id === undefined) return await followAll(api, fn, json ?? false);
      const invocation = await findInvocation(api, fn, id);
      if (follow) return await followOne(api, fn, invocation.id, json ?? false);
      for (const line of await readLogs(api, fn, invocation.id)) printLogLine(line, json ?? false);
    },
  );
}

async function followOne(
  api: Api,
  fn: RemoteFunction,
  id: string,
  json: boolean,
): Promise<void> {
  using interrupt = listenForInterrupt();
  for await (const line of followLogs(api, fn, id, interrupt.signal)) printLogLine(line, json);
}

async function followAll(api: Api, fn: RemoteFunction, json: boolean): Promise<void> {
  using interrupt = listenForInterrupt();
  const { signal } = interrupt;
  const following = new Set<Promise<void>>();
  note(`Waiting for invocations of ${fn.displayName}; Ctrl-C ends`);
  for await (const { id } of newInvocations(api, fn, signal)) {
    const one = printAll(api, fn, id, json, signal).finally(() => following.delete(one));
    following.add(one);
    one.catch(() => interrupt.stop());
  }
  await Promise.all(following);
}

async function printAll(
  api: Api,
  fn: RemoteFunction,
  id: string,
  json: boolean,
  signal: AbortSignal,
): Promise<void> {
  for await (const line of followLogs(api, fn, id, signal)) printLogLineOf(id, line, json);
}
