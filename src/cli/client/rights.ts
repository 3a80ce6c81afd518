/** The rights and the tenant of a function, in words. */
import { VIEWER } from "../../resources/roles.ts";
import { oneLine } from "../terminal/failure.ts";
import { quoteForShell } from "../terminal/shell.ts";
import type { Api } from "./api.ts";
import { ApiError } from "./api_error.ts";
import type { RemoteFunction } from "./schemas.ts";

/** The principal that a function acts as, and its own roles, as rows of `invoked show`. */
export async function describeRights(
  api: Api,
  { id, useSpn, scopedRoleIds }: RemoteFunction,
): Promise<(readonly [string, string])[]> {
  const names = (await api.roles.namesOf(scopedRoleIds)).join(", ");
  if (!useSpn) return [["roles", names || "none: it reads itself alone"]];
  const own = names === "" ? [] : [["roles", `${names}, which do not count while it is bound`]];
  return [["acts as", await principalOf(api, id)], ...own as [string, string][]];
}

/** Its name, or else what the caller may see of it. */
async function principalOf(api: Api, functionId: string): Promise<string> {
  try {
    const bound = await api.principals.boundTo(functionId);
    if (bound === undefined) return "a service principal that was just removed";
    const { displayName, disabled } = await api.principals.byId(bound);
    const state = disabled ? "disabled, so that the function reads itself alone; " : "";
    return `${oneLine(displayName)} (${state}${bound})`;
  } catch {
    return "a service principal, which your roles do not show";
  }
}

/** Advice for a function that reads everything, as functions of earlier versions do; undefined for others. */
export function adviceOn(
  { displayName, useSpn, scopedRoleIds }: RemoteFunction,
): string | undefined {
  if (useSpn || !scopedRoleIds.includes(VIEWER.id)) return undefined;
  const name = quoteForShell(oneLine(displayName));
  return `advice: ${
    oneLine(displayName)
  } reads everything through its role ${VIEWER.name}. If it need not, set ` +
    `"roles": [] in invoked.json and deploy, or use invoked bind ${name} PRINCIPAL`;
}

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
