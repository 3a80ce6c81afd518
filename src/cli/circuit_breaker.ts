import { Argument, type Command } from "commander";
import { countOf } from "../config/mod.ts";
import { needsAddition } from "./client/api_error.ts";
import type { Decision } from "./client/replays.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import {
  functionOf,
  REQUIRED_FUNCTION_ARGUMENT,
  REQUIRED_FUNCTION_HELP,
} from "./options/function_argument.ts";
import { addServerOptions } from "./options/server_options.ts";
import { oneLine } from "./terminal/failure.ts";
import { printJson } from "./terminal/output.ts";

interface Options {
  readonly reason?: string;
  readonly json?: true;
}

/** `invoked circuit-breaker`: runs or cancels the invocations that a circuit breaker has paused. */
export function register(command: Command): void {
  command
    .argument(REQUIRED_FUNCTION_ARGUMENT, REQUIRED_FUNCTION_HELP)
    .addArgument(
      new Argument("<decision>", "Action for the paused invocations").choices(["run", "cancel"]),
    )
    .option("--reason <TEXT>", "Reason for the log of the server, and for cancelled invocations");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, `invoked circuit-breaker hello run --reason "the import was expected"`);
  command.action(async (name: string, decision: Decision, { reason, json }: Options) => {
    using api = await server.connect();
    const fn = await functionOf(api, name);
    const clearing = api.replays.clearCircuitBreaker(fn, decision, reason ?? "");
    const count = await needsAddition("circuit breakers", clearing);
    if (json) return printJson({ count });
    const verb = decision === "run" ? "Released" : "Cancelled";
    console.log(`${verb} ${countOf(count, "invocation")} of ${oneLine(fn.displayName)}`);
  });
}
