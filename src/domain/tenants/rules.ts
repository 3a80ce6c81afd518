/** Which tenants there are, and what must hold before one changes. */
import type { FunctionRow } from "../../store/functions.ts";
import type { Readers, Writers } from "../../store/mod.ts";
import type { TenantRow } from "../../store/tenants.ts";
import { DomainError, invalid, notFound } from "../errors.ts";
import { nameViolation, normalHost } from "./forms.ts";

/** Functions that one message names. */
const FUNCTIONS_NAMED_MAX = 10;

/** The tenant that an id, a name or a host names; undefined for none. */
export async function findTenant(
  { tenants }: Pick<Readers, "tenants">,
  text: string,
): Promise<TenantRow | undefined> {
  const byId = await tenants.get(text);
  if (byId !== undefined) return byId;
  return (await tenants.named({ name: text, host: normalHost(text) }))[0];
}

/** Whether a text is the name of a tenant, whatever its case, or its host. */
export function isNameOf({ name, host }: TenantRow, text: string): boolean {
  return name.toLowerCase() === text.toLowerCase() || host === normalHost(text);
}

/** @throws TENANT_NOT_FOUND */
export async function tenantOf(
  { tenants }: Pick<Readers, "tenants">,
  id: string,
): Promise<TenantRow> {
  const row = await tenants.get(id);
  if (row !== undefined) return row;
  throw notFound("TENANT_NOT_FOUND", "Tenant", id);
}

/** @throws INVALID_FIELD */
export function assertName(name: string, field: string): void {
  const description = nameViolation(name);
  if (description !== undefined) throw invalid({ field, description });
}

/** The write holds `locks.tenantNames`. @throws TENANT_ALREADY_EXISTS */
export async function assertFree(
  { tenants }: Writers,
  { id, name, host }: TenantRow,
): Promise<void> {
  // A text names one tenant at most: neither two names nor a name and a host are the same.
  const named = await tenants.named({ name, host });
  const crossed = await tenants.named({ name: host, host: normalHost(name) });
  const other = [...named, ...crossed].find((row) => row.id !== id);
  if (other === undefined) return;
  throw new DomainError("TENANT_ALREADY_EXISTS", conflictOf({ name, host }, other));
}

function conflictOf({ name, host }: Pick<TenantRow, "name" | "host">, other: TenantRow): string {
  const which = `${other.name} (${other.id})`;
  if (other.host === host) {
    return other.isExample === 1
      ? `The example tenant is already here as ${which}`
      : `Tenant ${which} is at ${host} already; add a credential to it`;
  }
  if (other.name.toLowerCase() === host) {
    return `Host ${host} is the name of tenant ${which} at ${other.host}; rename that tenant first`;
  }
  const whose = other.host === normalHost(name) ? "host" : "name";
  return `Name ${name} is the ${whose} of tenant ${which} at ${other.host}; choose another name`;
}

/** @throws TENANT_IN_USE */
export function assertUnused(what: string, users: readonly FunctionRow[]): void {
  if (users.length === 0) return;
  const named = users.slice(0, FUNCTIONS_NAMED_MAX).map(({ id, displayName }) =>
    `${displayName} (${id})`
  );
  const more = users.length > FUNCTIONS_NAMED_MAX ? " and more" : "";
  throw new DomainError(
    "TENANT_IN_USE",
    `${what} is in use by functions: ${
      named.join(", ")
    }${more}; change them first, or force the removal`,
  );
}
