/** The tables of C1 tenants, as `schema.ts` has them. */
import type { Columns } from "../resources/field.ts";
import type { TENANT, TENANT_CREDENTIAL } from "../resources/tenants.ts";

/** A C1 tenant that functions may call. */
export interface TenantTable extends Columns<typeof TENANT> {}

export interface TenantCredentialTable extends Columns<typeof TENANT_CREDENTIAL> {
  tenantId: string;
  /** The secret of the client, sealed under the master key and bound to tenant, credential and host. */
  sealedSecret: Uint8Array;
}

export interface TenantSchema {
  tenants: TenantTable;
  tenantCredentials: TenantCredentialTable;
}
