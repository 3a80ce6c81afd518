/** The tenant that a request gives a function: ids in place of names, and who may give it. */
import { isDeepStrictEqual } from "node:util";
import { quoted } from "../../config/mod.ts";
import { isUnset } from "../../resources/field.ts";
import type { FunctionSettings } from "../../resources/functions.ts";
import { FUNCTION_TENANT } from "../../resources/tenants.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { Readers } from "../../store/mod.ts";
import { allowsAny } from "../../tenants/patterns.ts";
import { invalid } from "../errors.ts";
import { MAY_USE_TENANT, type Principal, requirePermission } from "../identity/mod.ts";
import { locks } from "../locks.ts";
import { findTenant, isNameOf } from "../tenants/rules.ts";

type WantedTenant = NonNullable<FunctionSettings["tenant"]>;

/**
 * The settings with the id of the tenant in place of its name or host. A function acts at its tenant for everybody who may
 * invoke or change it, so a new tenant, and more or less access to the one before, needs the permission to use tenants. What
 * the function has already may stay, even if its tenant was removed.
 *
 * A check counts only in the write that stores the settings, which holds {@link tenantLocks}.
 * @param changed names of the settings that change
 * @param earlier the function until now; undefined for a new one
 * @param prefix of the fields in the request
 * @throws ROLE_MISSING, INVALID_FIELD for an unknown tenant or credential, and for a pattern without an operation
 */
export async function withTenantId<S extends FunctionSettings>(
  read: Pick<Readers, "tenants">,
  by: Principal,
  settings: S,
  changed: readonly string[],
  earlier: FunctionRow | undefined,
  prefix: string,
): Promise<S> {
  if (!changed.includes("tenant") || settings.tenant === undefined) return settings;
  const given = membersOf(settings.tenant);
  if (Object.keys(given).length === 0) return { ...settings, tenant: undefined };
  const { id: named = "", ...others } = given;
  const field = `${prefix}tenant`;
  if (named === "") throw invalid({ field: `${field}.id`, description: "is missing" });
  const { access } = FUNCTION_TENANT.fields;
  const had = earlier?.tenant ? JSON.parse(earlier.tenant) as WantedTenant : undefined;
  const id = had?.id !== undefined && await isNamed(read, had.id, named) ? had.id : named;
  const wanted = { id, access: access.unset.inForce, ...others };
  if (isDeepStrictEqual(had, wanted)) return { ...settings, tenant: wanted };
  // Before the tenant is looked up: nobody else learns which tenants there are.
  requirePermission(by, MAY_USE_TENANT, earlier?.id);
  const tenant = await findTenant(read, id);
  if (tenant === undefined) {
    const description = `${quoted(id)} is not the id, name or host of a tenant of this server`;
    throw invalid({ field: `${field}.id`, description });
  }
  const { credentialId, operations = [] } = wanted;
  const useless = operations.findIndex((pattern) => !allowsAny(pattern));
  if (useless >= 0) {
    const description = `${
      quoted(operations[useless])
    } matches no operation of C1, such as apps.list`;
    throw invalid({ field: `${field}.operations[${useless}]`, description });
  }
  const credentials = await read.tenants.credentials(tenant.id);
  if (credentialId !== undefined && !credentials.some((one) => one.id === credentialId)) {
    const description = `${
      quoted(credentialId)
    } is not the id of a credential of tenant ${tenant.name}`;
    throw invalid({ field: `${field}.credentialId`, description });
  }
  return { ...settings, tenant: { ...wanted, id: tenant.id } };
}

/** The tenant of the settings, with its credentials, is not removed while the settings are written. */
export function tenantLocks(
  { tenant }: FunctionSettings,
  changed: readonly string[],
): string[] {
  return changed.includes("tenant") && tenant?.id ? [locks.ofTenant(tenant.id)] : [];
}

/** Whether the id, the name or the host of a tenant is this text. */
async function isNamed(
  { tenants }: Pick<Readers, "tenants">,
  id: string,
  text: string,
): Promise<boolean> {
  if (id === text) return true;
  const row = await tenants.get(id);
  return row !== undefined && isNameOf(row, text);
}

/** The members that are set, in the order of the table. */
function membersOf(tenant: WantedTenant): WantedTenant {
  return Object.fromEntries(
    Object.entries(FUNCTION_TENANT.fields).flatMap(([name, field]) => {
      const value = tenant[name as keyof WantedTenant];
      return isUnset(field, value) ? [] : [[name, value]];
    }),
  );
}
