/** The C1 tenants of the server. */
import { call, type Tenant } from "./client.ts";
import { readPages } from "./queries.ts";

/** Begins the keys of queries that show tenants. */
export const tenantKeys = ["identity", "tenants"] as const;

/** All tenants, newest first. Throws `ApiError`. */
export async function readTenants(signal?: AbortSignal): Promise<readonly Tenant[]> {
  const tenants = await readPages((query) => call("GET /api/v1/tenants", { query, signal }));
  return tenants as readonly Tenant[];
}
