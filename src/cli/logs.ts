import type { Command } from "commander";
import { formatCount } from "../config/mod.ts";
import type { Api } from "./client/api.ts";
import { needsAddition } from "./client/api_error.ts";
import { findInvocation } from "./client/find.ts";
import { followLogs, newInvocations, readLogs } from "./client/logs.ts";
import { Reconnection } from "./client/reconnection.ts";
import { hasEnded, type Invocation, type LogLine, type RemoteFunction } from "./client/schemas.ts";
import {
  type OutcomeLine,
  outcomeLine,
  printLogLine,
  printLogLineOf,
} from "./terminal/log_lines.ts";
import { UsageFailure } from "./terminal/failure.ts";
import { note } from "./terminal/output.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { FUNCTION, functionOf } from "./options/function_argument.ts";
import { addServerOptions } from "./options/server_options.ts";
import { addSpanOptions, isWithin, type Span } from "./options/time.ts";
import { listenForInterrupt } from "./terminal/signals.ts";

interface Options extends Span {
  readonly follow?: true;
  readonly json?: boolean;
}

/** Invocations whose logs are printed for a span of time; the newest. */
const MAX_INVOCATIONS = 1000;

/** `invoked logs`: the log of an invocation, or of all within a span of time; also live. */
export function register(command: Command): void {
  command
    .argument(...FUNCTION)
    .argument(
      "[invocation]",
      "Id of the invocation [default the newest; with --since or --until all invocations of that time]",
    )
    .option(
      "--follow",
      "Print new lines until the invocation ends; without [invocation], lines of every new invocation until Ctrl-C",
    );
  addSpanOptions(command, "Print only lines");
  const server = addServerOptions(command);
  addJsonOption(command, "Print JSON, one line per line of the log, and one for the outcome");
  addExamples(
    command,
    "invoked logs hello",
    "invoked logs hello --follow",
    "invoked logs hello --since 1h",
  );
  command.action(async (name: string | undefined, id: string | undefined, options: Options) => {
    const { follow, since, until } = options;
    if (follow && until !== undefined) {
      throw new UsageFailure(
        "Options --until and --follow exclude each other: new lines come after any time",
        { next: "omit one of them" },
      );
    }
    using api = await server.connect();
    const fn = await functionOf(api, name);
    if (follow && id === undefined) return await followAll(api, fn, options);
    if (id === undefined && (since ?? until) !== undefined) {
      return await printSpan(api, fn, options);
    }
    const invocation = await findInvocation(api, fn, id);
    if (follow) return await followOne(api, fn, invocation.id, options);
    for (const line of await linesOf(api, fn, invocation, options)) {
      printLogLine(line, options.json ?? false);
    }
    if (!hasEnded(invocation)) note(`It is ${invocation.status}; follow it with --follow`);
  });
}

/** The lines of an invocation within the span, and its outcome if it has ended. */
async function linesOf(
  api: Api,
  fn: RemoteFunction,
  invocation: Invocation,
  span: Span,
): Promise<(LogLine | OutcomeLine)[]> {
  const outcome = outcomeLine(invocation);
  const lines = [
    ...await readLogs(api, fn, invocation.id),
    ...outcome === undefined ? [] : [outcome],
  ];
  return lines.filter(({ time }) => isWithin(span, time));
}

/** Prints the lines of the invocations that began within the span, oldest first. */
async function printSpan(api: Api, fn: RemoteFunction, options: Options): Promise<void> {
  const invocations = await needsAddition(
    "the search of invocations",
    api.invocations(fn, options, MAX_INVOCATIONS),
  );
  if (invocations.length === MAX_INVOCATIONS) {
    note(`Only the newest ${formatCount(MAX_INVOCATIONS)} invocations of that time are printed`);
  }
  for (const invocation of invocations.toReversed()) {
    for (const line of await linesOf(api, fn, invocation, {})) {
      printLogLineOf(invocation.id, line, options.json ?? false);
    }
  }
  if (invocations.length === 0) note(`${fn.displayName} was not invoked in that time`);
}

async function followOne(
  api: Api,
  fn: RemoteFunction,
  id: string,
  { json = false, ...span }: Options,
): Promise<void> {
  using interrupt = listenForInterrupt();
  const connection = new Reconnection(interrupt.signal, Infinity);
  for await (const line of linesAndOutcome(api, fn, id, connection)) {
    if (isWithin(span, line.time)) printLogLine(line, json);
  }
}

async function followAll(
  api: Api,
  fn: RemoteFunction,
  { json = false, since }: Options,
): Promise<void> {
  using interrupt = listenForInterrupt();
  const connection = new Reconnection(interrupt.signal, Infinity);
  const following = new Set<Promise<void>>();
  note(`Waiting for invocations of ${fn.displayName}; Ctrl-C stops`);
  for await (const invocation of newInvocations(api, fn, connection, since)) {
    const { id } = invocation;
    const one = printAll(api, fn, id, json, connection).finally(() => following.delete(one));
    following.add(one);
    one.catch(() => interrupt.stop());
    // Earlier invocations are printed one after another.
    if (hasEnded(invocation)) await one;
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
