import type { Command } from "commander";
import { countOf, formatCount } from "../config/mod.ts";
import type { Api } from "./client/api.ts";
import { needsAddition } from "./client/api_error.ts";
import { findAnyInvocation } from "./client/find.ts";
import { inParallel } from "./client/parallel.ts";
import { hasEnded, type Invocation, type RemoteFunction, wasCancelled } from "./client/schemas.ts";
import { Failure, oneLine, UsageFailure } from "./terminal/failure.ts";
import { note, printJson } from "./terminal/output.ts";
import {
  addExamples,
  addJsonOption,
  addYesOption,
  needYes,
  type YesFlags,
} from "./options/common_options.ts";
import { functionOf } from "./options/function_argument.ts";
import { addServerOptions } from "./options/server_options.ts";
import { addSpanOptions, type Span } from "./options/time.ts";

/** Invocations of a function, of each status, that one command cancels. */
const MAX_INVOCATIONS = 1000;
/** Invocations that are cancelled at the same time. */
const PARALLEL = 8;

interface Options extends Span, YesFlags {
  readonly query?: string;
  readonly function?: string;
}

/** `invoked cancel`: kills running invocations, and removes waiting invocations. */
export function register(command: Command): void {
  command
    .argument("[invocation...]", "Ids of the invocations")
    .option("--function <FUNCTION>", "Cancel all invocations of this function instead");
  command.option(
    "--query <TEXT>",
    "With --function: only invocations with this text in their input",
  );
  addSpanOptions(command, "With --function: only invocations");
  addYesOption(command, "With --function: cancel without asking");
  const server = addServerOptions(command);
  addJsonOption(command, "Print JSON: the invocations after their end");
  addExamples(
    command,
    "invoked cancel 3MYvbo0FdfXdyzQDt3O5MjzPDxi",
    "invoked cancel --function hello",
  );
  command.action(async (ids: string[], options: Options) => {
    const { function: name, yes, json, ...filter } = options;
    if ((ids.length > 0) === (name !== undefined)) {
      const violation = name === undefined ? "no invocation is given" : "--function takes no ids";
      throw new UsageFailure(`Nothing was cancelled: ${violation}`, {
        next: "name invocations, or a function with --function",
      });
    }
    using api = await server.connect();
    const found = name === undefined
      ? await runningOnes(api, ids)
      : await allOf(api, await functionOf(api, name), filter, yes);
    const ended: Invocation[] = [];
    await inParallel(PARALLEL, found, async (invocation) => {
      const result = await api.cancel(invocation);
      ended.push(result);
      if (!json) console.log(describe(result));
    });
    if (json) printJson(ended);
  });
}

/** The invocations of these ids. @throws {Failure} if an invocation has ended; then the command cancels none */
async function runningOnes(api: Api, ids: readonly string[]): Promise<Invocation[]> {
  const found: Invocation[] = [];
  for (const id of new Set(ids)) {
    const invocation = await findAnyInvocation(api, id);
    if (hasEnded(invocation)) {
      const { id, functionId, status } = invocation;
      throw new Failure(`Invocation ${id} has already ended with status ${status}`, {
        next: `see it with invoked show ${functionId} ${id}`,
      });
    }
    found.push(invocation);
  }
  return found;
}

/** The invocations of a function that have not ended, the waiting ones first, so that none of them starts. */
async function allOf(
  api: Api,
  fn: RemoteFunction,
  { since, until, query }: Omit<Options, "function" | "yes" | "json">,
  yes: true | undefined,
): Promise<Invocation[]> {
  // By id: an invocation that starts between the two requests is in both lists.
  const byId = new Map<string, Invocation>();
  for (const status of ["pending", "running"]) {
    const some = await needsAddition(
      "the search of invocations",
      api.invocations(fn, { status, since, until, query }, MAX_INVOCATIONS),
    );
    for (const invocation of some) byId.set(invocation.id, invocation);
    if (some.length === MAX_INVOCATIONS) {
      note(`Only the newest ${formatCount(MAX_INVOCATIONS)} ${status} invocations are cancelled`);
    }
  }
  const found = [...byId.values()];
  const shown = oneLine(fn.displayName);
  if (found.length === 0) note(`${shown} has no invocation that runs or waits`);
  else {
    await needYes(
      yes,
      `Cancel ${countOf(found.length, "invocation")} of ${shown} on ${api.url}?`,
      "No invocation was cancelled",
      "give --yes to cancel without asking",
    );
  }
  return found;
}

function describe(invocation: Invocation): string {
  const { id, status } = invocation;
  return wasCancelled(invocation) ? `Cancelled ${id}` : `${id} ended as ${status} before`;
}
