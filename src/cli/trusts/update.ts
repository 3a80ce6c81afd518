import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import {
  addTrustOptions,
  changeOf,
  TRUST_ARGUMENT,
  TRUST_HELP,
  type TrustOptions,
} from "./trust_options.ts";

interface Options extends TrustOptions {
  readonly name?: string;
  readonly json?: true;
}

/** `invoked trusts update`: changes what the flags name. */
export function register(command: Command): void {
  command.argument(TRUST_ARGUMENT, TRUST_HELP);
  command.option("--name <NAME>", "New name of the trust");
  command.option("--condition <CEL>", "What the claims of a token must meet");
  addTrustOptions(command, "; '' for none");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked trusts update deploy --source 192.0.2.0/24 --role ''");
  command.action(async (trustName: string, options: Options) => {
    const { name } = options;
    using api = await server.connect();
    const { federation } = api;
    const renamed = name === undefined ? {} : { displayName: name };
    const change = { ...await changeOf(api, options), ...renamed };
    if (Object.keys(change).length === 0) {
      throw new Failure("Nothing to change: no flag names a setting", {
        next: "see invoked trusts update --help",
        exit: "usage",
      });
    }
    const trust = await federation.updateTrust(await federation.findTrust(trustName), change);
    if (options.json) return printJson(trust);
    console.log(`Changed trust ${oneLine(trust.displayName)} (${oneLine(trust.clientId)})`);
  });
}
