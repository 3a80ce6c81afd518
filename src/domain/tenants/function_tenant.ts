/** The tenant of a function, as its row has it. */
import { FUNCTION_TENANT } from "../../resources/tenants.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { TenantAccess } from "../../tenants/contract.ts";

/** What a function may do at which tenant. */
export interface FunctionTenant {
  readonly id: string;
  readonly access: TenantAccess;
  /** Patterns of `src/tenants/patterns.ts`; all operations by default. */
  readonly operations: readonly string[];
  /** Undefined for the oldest credential of the tenant. */
  readonly credentialId: string | undefined;
}

/** The tenant of a function; undefined for a function without one. It may have been removed meanwhile. */
export function functionTenantOf(
  { tenant }: Pick<FunctionRow, "tenant">,
): FunctionTenant | undefined {
  if (tenant === null) return undefined;
  const { operations, access } = FUNCTION_TENANT.fields;
  const stored = JSON.parse(tenant) as { id: string } & Partial<FunctionTenant>;
  return {
    id: stored.id,
    access: stored.access ?? access.unset.inForce,
    operations: stored.operations ?? operations.unset.inForce,
    credentialId: stored.credentialId,
  };
}
