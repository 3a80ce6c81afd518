import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { oneLine } from "../terminal/failure.ts";
import { printFields, printJson } from "../terminal/output.ts";
import {
  CREDENTIAL_FLAG,
  CREDENTIAL_HELP,
  credentialOf,
  TENANT_ARGUMENT,
  TENANT_HELP,
} from "./arguments.ts";

/** `invoked tenants check`: asks a C1 tenant whom a credential belongs to. */
export function register(command: Command): void {
  command.argument(TENANT_ARGUMENT, TENANT_HELP).option(CREDENTIAL_FLAG, CREDENTIAL_HELP);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked tenants check acme");
  command.action(
    async (name: string, options: { readonly credential?: string; readonly json?: true }) => {
      using api = await server.connect();
      const tenant = await api.tenants.find(name);
      const { clientId, ...credential } = credentialOf(tenant, options.credential);
      const checked = await api.tenants.check(tenant, { clientId, ...credential });
      if (options.json) return printJson({ tenantId: tenant.id, clientId, ...checked });
      printFields([
        ["tenant", oneLine(tenant.host)],
        ["client", oneLine(clientId)],
        ["user", oneLine(checked.userId)],
        ["roles", checked.roles.map(oneLine).join(", ") || "none"],
      ]);
    },
  );
}
