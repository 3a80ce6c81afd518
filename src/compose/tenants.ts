/** Builds what functions reach C1 tenants through. */
import { TenantCalls } from "../domain/tenants/calls.ts";
import { EXAMPLE_HOST } from "../domain/tenants/forms.ts";
import { type OpenedTenant, Tenants } from "../domain/tenants/tenants.ts";
import type { TenantApp } from "../tenants/in_process.ts";
import type { TenantEgress } from "../tenants/connections.ts";
import { TenantTransports } from "../tenants/transports.ts";
import type { Shared } from "./parts.ts";

/** The tenants of the server, and the calls of functions to them. */
export function openTenants(
  { tenantEgress, changeTenantCalls: change, ...parts }: Shared,
) {
  const egress = trusting(tenantEgress, change?.caCerts ?? []);
  const tenantTransports = new TenantTransports({ egress, example: openExample });
  const allowsAddresses = egress.allowPrivate.length > 0;
  const tenants = new Tenants({ ...parts, transports: tenantTransports, allowsAddresses });
  const called = {
    open: tenants.open.bind(tenants),
    connect(opened: OpenedTenant) {
      const transport = tenants.connect(opened);
      return change === undefined ? transport : change.transportOf(transport);
    },
  };
  const tenantCalls = new TenantCalls({ ...parts, tenants: called });
  return { tenantTransports, tenants, tenantCalls };
}

/** @param caCerts in PEM */
function trusting({ ca, ...others }: TenantEgress, caCerts: readonly string[]): TenantEgress {
  const all = [...ca === undefined ? [] : [ca], ...caCerts];
  return { ...others, ca: all.length === 0 ? undefined : all.join("\n") };
}

/** The example tenant, whose client everybody knows: a tenant with invented data needs no secret. */
async function openExample(): Promise<TenantApp> {
  const { exampleCredentials, exampleTenant } = await import("../../examples/tenant/app.ts");
  return { answer: exampleTenant(), credentials: exampleCredentials(EXAMPLE_HOST) };
}
