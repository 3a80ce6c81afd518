/** Every operation that changes a C1 tenant. */
import type { Client, Json } from "../support/client.ts";
import type { InvokedTenant } from "../tenants/ten_tenant.ts";

const TENANTS = "invoked.TenantService";

/** Sends a request to an operation; answers the body. */
export type Calls = (operationId: string, ...request: Parameters<Client["call"]>) => Promise<Json>;

/** Calls every operation that changes a tenant. */
export async function changeTenants(call: Calls, tenant: InvokedTenant): Promise<void> {
  const path = "/api/v1/tenants";
  const [owner, other] = [await tenant.owner(), await tenant.newClient("other")];
  const { tenant: { id, credentials: [first] } } = await call(`${TENANTS}.Create`, "POST", path, {
    host: tenant.host,
    name: "acme",
    ...owner,
  });
  const of = `${path}/${id}`;
  await call(`${TENANTS}.Update`, "PATCH", of, { tenant: { name: "other" } });
  const { tenant: { credentials: [, second] } } = await call(
    `${TENANTS}.CreateCredential`,
    "POST",
    `${of}/credentials`,
    other,
  );
  const credential = `${of}/credentials/${first.id}`;
  await call(`${TENANTS}.RotateCredential`, "POST", `${credential}/rotate`, other);
  await call(`${TENANTS}.Check`, "POST", `${credential}/check`, {});
  await call(`${TENANTS}.DeleteCredential`, "DELETE", `${of}/credentials/${second.id}`);
  await call(`${TENANTS}.Delete`, "DELETE", of);
}
