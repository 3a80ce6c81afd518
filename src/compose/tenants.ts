/** Builds what functions reach C1 tenants through. */
import type { Audit } from "../domain/audit/audit.ts";
import type { Ids } from "../domain/ids.ts";
import type { Pages } from "../domain/paging.ts";
import { TenantCalls } from "../domain/tenants/calls.ts";
import { EXAMPLE_HOST } from "../domain/tenants/forms.ts";
import { Tenants } from "../domain/tenants/tenants.ts";
import type { Store } from "../store/mod.ts";
import type { Sealer } from "../store/sealing.ts";
import type { TenantApp } from "../tenants/in_process.ts";
import type { TenantEgress } from "../tenants/connections.ts";
import { TenantTransports } from "../tenants/transports.ts";

interface TenantParts {
  readonly tenantEgress: TenantEgress;
  readonly store: Store;
  readonly sealer: Sealer;
  readonly pages: Pages;
  readonly ids: Ids;
  readonly audit: Audit;
}

/** The tenants of the server, and the calls of functions to them. */
export function openTenants({ tenantEgress: egress, ...parts }: TenantParts) {
  const tenantTransports = new TenantTransports({ egress, example: openExample });
  const allowsAddresses = egress.allowPrivate.length > 0;
  const tenants = new Tenants({ ...parts, transports: tenantTransports, allowsAddresses });
  return { tenantTransports, tenants, tenantCalls: new TenantCalls({ ...parts, tenants }) };
}

/** The example tenant, whose client everybody knows: a tenant with invented data needs no secret. */
async function openExample(): Promise<TenantApp> {
  const { exampleCredentials, exampleTenant } = await import("../../examples/tenant/app.ts");
  return { answer: exampleTenant(), credentials: exampleCredentials(EXAMPLE_HOST) };
}
