/** The setting `tenant` of a function, in words. */
import { oneLine } from "../terminal/failure.ts";
import type { Api } from "./api.ts";
import { ApiError } from "./api_error.ts";
import type { RemoteFunction } from "./schemas.ts";

/** The setting with the name of its tenant, as far as the caller may see tenants; empty without a tenant. */
export async function describeTenant(api: Api, { tenant }: RemoteFunction): Promise<string> {
  if (!tenant.id) return "";
  const setting = JSON.stringify(tenant);
  try {
    return `${oneLine((await api.tenants.byId(tenant.id)).name)}: ${setting}`;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.reason === "TENANT_NOT_FOUND") return `a tenant that was removed: ${setting}`;
    return setting;
  }
}
