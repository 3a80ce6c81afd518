import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { note, printJson } from "../terminal/output.ts";
import { addTrustOptions, changeOf, type TrustOptions } from "./trust_options.ts";

interface Options extends TrustOptions {
  readonly provider: string;
  readonly condition: string;
  readonly principal?: string;
  readonly json?: true;
}

/** `invoked trusts create`: creates a trust, and prints the client id with which workloads exchange their tokens. */
export function register(command: Command): void {
  command.argument("<name>", "Name of the trust");
  command.requiredOption("--provider <PROVIDER>", "Name, issuer or id of the provider");
  command.requiredOption(
    "--condition <CEL>",
    "What the claims of a token must meet; a CEL expression over claims",
  );
  command.option(
    "--principal <PRINCIPAL>",
    "Name or id of the service principal that the workloads act as [default that of the credentials]",
  );
  addTrustOptions(command, "");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked trusts create deploy --principal ci --provider github \\",
    "    --condition \"claims.repository == 'acme/app' && claims.ref == 'refs/heads/main'\"",
  );
  command.action(async (displayName: string, options: Options) => {
    using api = await server.connect();
    const { id: providerId } = await api.federation.findProvider(options.provider);
    const { condition: conditionExpression } = options;
    const principalId = options.principal === undefined
      ? undefined
      : (await api.principals.find(options.principal)).id;
    const change = await changeOf(api, options);
    const settings = { ...change, displayName, providerId, conditionExpression };
    const trust = await api.federation.createTrust(principalId, settings);
    if (options.json) return printJson(trust);
    note(`Created trust ${oneLine(trust.displayName)}; its client id is no secret`);
    console.log(oneLine(trust.clientId));
  });
}
