import { Argument, type Command } from "commander";
import { countOf } from "../config/mod.ts";
import { needsAddition } from "./client/api_error.ts";
import type { Decision } from "./client/replays.ts";
import type { JsonFlag } from "./options/common_options.ts";
import { addFunctionAction, REQUIRED_FUNCTION } from "./options/function_argument.ts";
import { oneLine } from "./terminal/failure.ts";
import { printResult } from "./terminal/output.ts";

interface Options extends JsonFlag {
  readonly reason?: string;
}

/** `invoked circuit-breaker`: runs or cancels the invocations that a circuit breaker has paused. */
export function register(command: Command): void {
  command
    .argument(...REQUIRED_FUNCTION)
    .addArgument(
      new Argument("<decision>", "Action for the paused invocations").choices(["run", "cancel"]),
    )
    .option("--reason <TEXT>", "Reason for the log of the server, and for cancelled invocations");
  addFunctionAction(
    command,
    [`invoked circuit-breaker hello run --reason "the import was expected"`],
    async (api, fn, decision: Decision, { reason, json }: Options) => {
      const clearing = api.replays.clearCircuitBreaker(fn, decision, reason ?? "");
      const count = await needsAddition("circuit breakers", clearing);
      const verb = decision === "run" ? "Released" : "Cancelled";
      const text = `${verb} ${countOf(count, "invocation")} of ${oneLine(fn.displayName)}`;
      printResult(json, { count }, text);
    },
  );
}
