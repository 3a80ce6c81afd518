import type { Command } from "commander";
import type { Api } from "./client/api.ts";
import { findInvocation } from "./client/find.ts";
import { followLogs, newInvocations, readLogs } from "./client/logs.ts";
import type { RemoteFunction } from "./client/schemas.ts";
import { printLogLine, printLogLineOf } from "./terminal/log_lines.ts";
import { note } from "./terminal/output.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { FUNCTION_ARGUMENT, FUNCTION_HELP, functionOf } from "./options/function_argument.ts";
import { addServerOptions } from "./options/server_options.ts";
import { listenForInterrupt } from "./terminal/signals.ts";

interface Options {
  readonly follow?: true;
  readonly json?: true;
}

/** `invoked logs`: the log of an invocation, also live. */
export function registerLogs(program: Command): void {
  const command = program.command("logs")
    .description("Print the log of an invocation")
    .argument(FUNCTION_ARGUMENT, FUNCTION_HELP)
    .argument("[invocation]", "Id of the invocation [default the newest]")
    .option(
      "--follow",
      "Print new lines until the invocation ends; without [invocation] those of every new one until Ctrl-C",
    );
  const server = addServerOptions(command);
  addJsonOption(command, "Print JSON, one line per line of the log");
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
  note(`Waiting for invocations of ${fn.displayName}; Ctrl-C stops`);
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
