import type { Command } from "commander";
import type { Api } from "../client/api.ts";
import { ApiError } from "../client/api_error.ts";
import type { Tenant } from "../client/tenants.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { CLIENT_ID_FLAG, CLIENT_ID_HELP, readClient } from "./arguments.ts";

interface Options {
  readonly clientId?: string;
  readonly name?: string;
  readonly example?: true;
  readonly json?: true;
}

/** `invoked tenants add`: adds a C1 tenant with a client of it. */
export function register(command: Command): void {
  command
    .argument(
      "[host]",
      "Host of the tenant, such as acme.conductor.one; by default that of --client-id",
    )
    .option(CLIENT_ID_FLAG, CLIENT_ID_HELP)
    .option("--name <NAME>", "Name of the tenant; by default the first label of its host")
    .option("--example", "Add the example tenant, whose data is invented; it needs no client");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    'printf %s "$SECRET" | invoked tenants add acme.conductor.one --client-id ID',
    "invoked tenants add --example",
  );
  command.action(async (host: string | undefined, options: Options) => {
    const { clientId, name = "", example, json } = options;
    const isOne = example === true ? host === undefined && clientId === undefined : clientId;
    if (!isOne) {
      throw new Failure(
        example === true
          ? "The example tenant has neither a host nor a client of its own"
          : "--client-id is missing",
        {
          next:
            "give HOST and --client-id ID, or --example alone; invoked tenants login HOST uses a browser",
          exit: "usage",
        },
      );
    }
    using api = await server.connect();
    const { tenant, isNew } = clientId === undefined
      ? await exampleOf(api, name)
      : { tenant: await api.tenants.add(host, name, await readClient(clientId)), isNew: true };
    const named = `${oneLine(tenant.name)} (${tenant.id})`;
    if (json) printJson(tenant);
    else if (isNew) console.log(`Added tenant ${named} at ${oneLine(tenant.host)}`);
    else console.log(`The example tenant is already here as ${named}`);
  });
}

/** The example tenant, which is added unless the server has it. */
async function exampleOf(api: Api, name: string): Promise<{ tenant: Tenant; isNew: boolean }> {
  try {
    return { tenant: await api.tenants.addExample(name), isNew: true };
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== "TENANT_ALREADY_EXISTS") throw error;
    const tenant = await api.tenants.example();
    if (tenant === undefined) throw error;
    return { tenant, isNew: false };
  }
}
