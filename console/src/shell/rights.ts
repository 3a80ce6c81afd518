/** What the reader may do, by the permissions of their roles: pages show what works for them. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { call, type Permission } from "../api/client.ts";
import { keys } from "../api/queries.ts";
import { isDenied } from "../parts/violations.ts";

/** C1's form of permissions. */
const PREFIX = "permission/";

interface Rights {
  readonly roleIds: readonly string[];
  /** The permissions that the reader has for at least one function. */
  readonly permissions: ReadonlySet<string>;
}

/** The rights of who is signed in; null for somebody without any role. Throws `ApiError`. */
export async function readRights(signal?: AbortSignal): Promise<Rights | null> {
  try {
    const { roles = [], permissions = [] } = await call("GET /api/v1/auth/introspect", { signal });
    const ids = permissions.map((permission) => permission.slice(PREFIX.length));
    return { roleIds: roles, permissions: new Set(ids) };
  } catch (error) {
    if (isDenied(error)) return null;
    throw error;
  }
}

export const rightsQuery = queryOptions({
  queryKey: keys.rights,
  queryFn: ({ signal }) => readRights(signal),
  staleTime: 60_000,
});

/** Whether two readers may see and do the same; undefined for a reader whose rights are not known. */
export function isSameRights(one: Rights | null | undefined, other: Rights | null): boolean {
  if (!one || !other) return one === other;
  return isSameSet(new Set(one.roleIds), new Set(other.roleIds)) &&
    isSameSet(one.permissions, other.permissions);
}

function isSameSet(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.symmetricDifference(other).size === 0;
}

const PEOPLE = ["c1.api.user.v1.UserSearch.Search"] as const;
const PRINCIPALS = ["c1.api.service_principal.v1.ServicePrincipalService.List"] as const;

/** The permissions of which a reader needs one, by the pages that need any. */
export const PAGE_PERMISSIONS = {
  "/": [
    "invoked.StatisticsService.Get",
    "invoked.AlertService.List",
    "invoked.ServerService.GetStatus",
  ],
  "/functions": ["c1.api.functions.v1.FunctionsSearch.Search"],
  "/functions/new": ["c1.api.functions.v1.FunctionsService.CreateFunction"],
  "/functions/$functionId": ["c1.api.functions.v1.FunctionsService.GetFunction"],
  "/invocations": ["invoked.InvocationSearchService.Search"],
  "/invocations/$invocationId": ["invoked.InvocationService.Get"],
  "/volumes": ["invoked.VolumeService.ListVolumes"],
  "/volumes/$volumeId": ["invoked.VolumeService.GetVolume"],
  "/dead-letters": ["invoked.DeadLetterService.List"],
  "/usage": ["invoked.UsageService.List"],
  "/audit": ["c1.api.systemlog.v1.SystemLogService.ListEvents"],
  "/audit/exports": ["c1.api.systemlog.v1.ExportService.List"],
  "/access": [...PEOPLE, ...PRINCIPALS],
  "/access/people": PEOPLE,
  "/access/people/$userId": PEOPLE,
  "/access/principals": PRINCIPALS,
  "/access/principals/$principalId": PRINCIPALS,
  "/access/roles": [...PEOPLE, ...PRINCIPALS],
  "/access/federation": [
    "c1.api.workload_federation.v1.WorkloadFederationService.ListProviders",
    "c1.api.workload_federation.v1.WorkloadFederationService.SearchTrusts",
  ],
  "/access/tenants": ["invoked.TenantService.List"],
} as const satisfies Readonly<Record<string, readonly Permission[]>>;
export type PagePath = keyof typeof PAGE_PERMISSIONS;

/** Answers whether the reader has a permission: for all functions, or for some. */
export function useMay(): (permission: Permission) => boolean {
  const { data } = useQuery(rightsQuery);
  return useCallback((permission) => data?.permissions.has(permission) === true, [data]);
}

/** An interval of refreshes, in ms, that ends once the server denies the request: each denial is on record. */
export function unlessDenied(
  interval: number,
): (query: { readonly state: { readonly error: unknown } }) => number | false {
  return ({ state }) => isDenied(state.error) ? false : interval;
}
