/** The tenant that a request gives a function: ids in place of names, and who may give it. */
import { isDeepStrictEqual } from "node:util";
import { nearest, quoted } from "../../config/mod.ts";
import { isUnset } from "../../resources/field.ts";
import type { FunctionSettings } from "../../resources/functions.ts";
import { FUNCTION_TENANT } from "../../resources/tenants.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { Readers } from "../../store/mod.ts";
import type { TenantRow } from "../../store/tenants.ts";
import { patternViolation } from "../../tenants/pattern_violation.ts";
import { invalid } from "../errors.ts";
import { MAY_USE_TENANT, type Principal, requirePermission } from "../identity/mod.ts";
import { locks } from "../locks.ts";
import { EXAMPLE_HOST } from "../tenants/forms.ts";
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
  const members = membersOf(settings.tenant);
  if (Object.keys(members).length === 0) return { ...settings, tenant: undefined };
  const { id: named = "", ...others } = members;
  const field = `${prefix}tenant`;
  if (named === "") throw invalid({ field: `${field}.id`, description: "is missing" });
  const { access } = FUNCTION_TENANT.fields;
  const had = earlier?.tenant ? JSON.parse(earlier.tenant) as WantedTenant : undefined;
  const id = had?.id !== undefined && await isNamed(read, had.id, named) ? had.id : named;
  const given = { id, access: access.unset.inForce, ...others };
  const wanted = await withCredentialId(read, given);
  if (isDeepStrictEqual(had, wanted)) return { ...settings, tenant: wanted };
  // Before the tenant is looked up: nobody else learns which tenants there are.
  requirePermission(by, MAY_USE_TENANT, earlier?.id);
  const tenant = await findTenant(read, id);
  if (tenant === undefined) {
    const description = unknownTenant(id, await read.tenants.names());
    throw invalid({ field: `${field}.id`, description });
  }
  const allowed = await withCredentialId(read, { ...wanted, id: tenant.id });
  await assertUseful(read, tenant, allowed, field);
  return { ...settings, tenant: allowed };
}

/** The tenant of the settings, with its credentials, is not removed while the settings are written. */
export function tenantLocks(
  { tenant }: FunctionSettings,
  changed: readonly string[],
): string[] {
  return changed.includes("tenant") && tenant?.id ? [locks.ofTenant(tenant.id)] : [];
}

function unknownTenant(named: string, names: readonly string[]): string {
  const likely = nearest(named, names);
  const next = likely !== undefined
    ? `did you mean ${likely}?`
    : named.toLowerCase() === EXAMPLE_HOST
    ? "add the example tenant with invoked tenants add --example"
    : "list them with invoked tenants list";
  return `${quoted(named)} is not the id, name or host of a tenant of this server: ${next}`;
}

/** The setting with the id of its credential in place of the client id, as answers have it. */
async function withCredentialId(
  { tenants }: Pick<Readers, "tenants">,
  tenant: WantedTenant & { readonly id: string },
): Promise<WantedTenant & { readonly id: string }> {
  const { id, credentialId } = tenant;
  if (credentialId === undefined) return tenant;
  const found = (await tenants.credentials(id)).find((one) => one.clientId === credentialId);
  return found === undefined ? tenant : { ...tenant, credentialId: found.id };
}

/** @throws INVALID_FIELD for a pattern that allows the function no operation, and for an unknown credential */
async function assertUseful(
  read: Pick<Readers, "tenants">,
  { id, name }: TenantRow,
  { access, operations = [], credentialId }: WantedTenant,
  field: string,
): Promise<void> {
  const violations = operations.map((pattern) => patternViolation(pattern, access ?? "READ"));
  const useless = violations.findIndex((violation) => violation !== undefined);
  if (useless >= 0) {
    const description = `${quoted(operations[useless])} ${violations[useless]}`;
    throw invalid({ field: `${field}.operations[${useless}]`, description });
  }
  if (credentialId === undefined) return;
  const credentials = await read.tenants.credentials(id);
  if (credentials.some((one) => one.id === credentialId)) return;
  const all = credentials.map((one) => `${one.id} (${one.clientId})`).join(", ");
  const description = `${
    quoted(credentialId)
  } is not the id or client id of a credential of tenant ${name}: it has ${all}`;
  throw invalid({ field: `${field}.credentialId`, description });
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
