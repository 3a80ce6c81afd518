/** Every operation that changes a C1 tenant. */
import type { Answer, Client, Json } from "../support/client.ts";
import type { InvokedTenant } from "../tenants/ten_tenant.ts";

const TENANTS = "invoked.TenantService";

/** A request to an operation. */
export type Calls = (operationId: string, request: () => Promise<Answer<Json>>) => Promise<Json>;

/** Calls every operation that changes a tenant. */
export async function changeTenants(
  client: Client,
  call: Calls,
  tenant: InvokedTenant,
): Promise<void> {
  const path = "/api/v1/tenants";
  const [owner, other] = [await tenant.owner(), await tenant.newClient("other")];
  const { tenant: { id, credentials: [first] } } = await call(
    `${TENANTS}.Create`,
    () => client.post(path, { host: tenant.host, name: "acme", ...owner }),
  );
  const of = `${path}/${id}`;
  await call(
    `${TENANTS}.Update`,
    () => client.call("PATCH", of, { tenant: { name: "other" } }),
  );
  const { tenant: { credentials: [, second] } } = await call(
    `${TENANTS}.CreateCredential`,
    () => client.post(`${of}/credentials`, other),
  );
  const credential = `${of}/credentials/${first.id}`;
  await call(`${TENANTS}.RotateCredential`, () => client.post(`${credential}/rotate`, other));
  await call(`${TENANTS}.Check`, () => client.post(`${credential}/check`, {}));
  await call(
    `${TENANTS}.DeleteCredential`,
    () => client.call("DELETE", `${of}/credentials/${second.id}`),
  );
  await call(`${TENANTS}.Delete`, () => client.call("DELETE", of));
}
