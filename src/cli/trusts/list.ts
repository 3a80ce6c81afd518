import type { Command } from "commander";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson, printTable } from "../terminal/output.ts";

const DEFAULT_LIMIT = 100;

interface Options {
  readonly limit: number;
  readonly principal?: string;
  readonly provider?: string;
  readonly json?: true;
}

/** `invoked trusts list`: lists trusts in workloads. */
export function register(command: Command): void {
  command.option("--principal <PRINCIPAL>", "Trusts of one service principal");
  command.option("--provider <PROVIDER>", "Trusts in one provider");
  addLimitOption(command, "trusts", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked trusts list", "invoked trusts list --provider github");
  command.action(async ({ limit, principal, provider, json }: Options) => {
    using api = await server.connect();
    const { federation } = api;
    const list = await federation.trusts(limit, {
      ...principal === undefined
        ? {}
        : { servicePrincipalId: (await api.principals.find(principal)).id },
      ...provider === undefined ? {} : { providerId: (await federation.findProvider(provider)).id },
    });
    if (json) return printJson(list);
    printTable(
      ["NAME", "CLIENT ID", "PRINCIPAL", "STATE", "CONDITION"],
      list.map(({ displayName, clientId, servicePrincipalId, disabled, conditionExpression }) => [
        displayName,
        clientId,
        servicePrincipalId,
        disabled ? "disabled" : "enabled",
        conditionExpression,
      ]),
      "No trusts; create one with invoked trusts create",
    );
  });
}
