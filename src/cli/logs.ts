import type { Command } from "commander";
import type { Api } from "./client/api.ts";
import { findInvocation } from "./client/find.ts";
import { followLogs, newInvocations, readLogs } from "./client/logs.ts";
import { Reconnection } from "./client/reconnection.ts";
import type { LogLine, RemoteFunction } from "./client/schemas.ts";
import {
  type OutcomeLine,
  outcomeLine,
  printLogLine,
  printLogLineOf,
} from "./terminal/log_lines.ts";
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
export function register(command: Command): void {
  command
    .argument(FUNCTION_ARGUMENT, FUNCTION_HELP)
    .argument("[invocation]", "Id of the invocation [default the newest]")
    .option(
      "--follow",
      "Print new lines until the invocation ends; without [invocation] those of every new one until Ctrl-C",
    );
  const server = addServerOptions(command);
  addJsonOption(command, "Print JSON, one line per line of the log, and one for the outcome");
  addExamples(command, "invoked logs hello", "invoked logs hello --follow");
  command.action(
    async (name: string | undefined, id: string | undefined, { follow, json }: Options) => {
      using api = await server.connect();
      const fn = await functionOf(api, name);
      if (follow && id === undefined) return await followAll(api, fn, json ?? false);
      const invocation = await findInvocation(api, fn, id);
      if (follow) return await followOne(api, fn, invocation.id, json ?? false);
      for (const line of await readLogs(api, fn, invocation.id)) printLogLine(line, json ?? false);
      const outcome = outcomeLine(invocation);
      if (outcome === undefined) note(`It is ${invocation.status}; follow it with --follow`);
      else printLogLine(outcome, json ?? false);
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
  const connection = new Reconnection(interrupt.signal, Infinity);
  for await (const line of linesAndOutcome(api, fn, id, connection)) printLogLine(line, json);
}

async function followAll(api: Api, fn: RemoteFunction, json: boolean): Promise<void> {
  using interrupt = listenForInterrupt();
  const connection = new Reconnection(interrupt.signal, Infinity);
  const following = new Set<Promise<void>>();
  note(`Waiting for invocations of ${fn.displayName}; Ctrl-C stops`);
  for await (const { id } of newInvocations(api, fn, connection)) {
    const one = printAll(api, fn, id, json, connection).finally(() => following.delete(one));
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
  connection: Reconnection,
): Promise<void> {
  for await (const line of linesAndOutcome(api, fn, id, connection)) {
    printLogLineOf(id, line, json);
  }
}

/** The lines of an invocation as they are printed, and its outcome. */
async function* linesAndOutcome(
  api: Api,
  fn: RemoteFunction,
  id: string,
  connection: Reconnection,
): AsyncGenerator<LogLine | OutcomeLine> {
  yield* followLogs(api, fn, id, connection);
  const ended = await connection.attempt(() => api.invocation(fn, id));
  const outcome = ended === undefined ? undefined : outcomeLine(ended);
  if (outcome !== undefined) yield outcome;
}
