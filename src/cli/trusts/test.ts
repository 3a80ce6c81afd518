import type { Command } from "commander";
import type { Step } from "../client/federation.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson, printTable } from "../terminal/output.ts";
import { TRUST_ARGUMENT, TRUST_HELP } from "./trust_options.ts";

interface Options {
  readonly from?: string;
  readonly json?: true;
}

/** `invoked trusts test`: shows what the server would make of a workload's token, step by step. */
export function register(command: Command): void {
  command.argument(TRUST_ARGUMENT, TRUST_HELP);
  command.option("--from <ADDRESS>", "IP address that the workload would send the token from");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked trusts test deploy < token.jwt");
  command.action(async (name: string, { from, json }: Options) => {
    const token = await readToken();
    using api = await server.connect();
    const trust = await api.federation.findTrust(name);
    const result = await api.federation.testToken(trust, token, from);
    const { decodedClaimsJson: _, overallResult, ...steps } = result;
    if (json) printJson(result);
    else {
      printTable(
        ["STEP", "RESULT", "EXPECTED", "ACTUAL", "DETAIL"],
        Object.values(steps).filter((step) => step !== undefined).map(rowOf),
        "",
      );
    }
    if (!overallResult) {
      throw new Failure(`Trust ${oneLine(trust.displayName)} does not accept the token`, {
        next: "change the trust with invoked trusts update, or the job that requests the token",
      });
    }
  });
}

async function readToken(): Promise<string> {
  if (Deno.stdin.isTerminal()) {
    throw new Failure("No token: the command reads the token from stdin", {
      next: "pipe the token of a job into the command",
      exit: "usage",
    });
  }
  return (await new Response(Deno.stdin.readable).text()).trim();
}

function rowOf({ stepName, passed, skipped, expected, actual, detail }: Step): string[] {
  const result = passed ? "passed" : skipped ? "skipped" : "failed";
  return [stepName, result, expected, actual, detail];
}
