/** Who calls. */
import type { InvocationContext } from "../../engine/contract.ts";
import { DomainError } from "../errors.ts";
import { type Access, NO_ACCESS } from "./access.ts";
import { type PermissionGroup, rolesWith } from "./roles.ts";

/** The running invocation that makes another one and waits for it. */
interface CallingInvocation extends InvocationContext {
  /** Aborts when it ends; what it waits for is then cancelled. */
  readonly signal: AbortSignal;
}

/** Who is calling: a principal, named by its credential, or a function, named by its running invocation. */
export interface Principal {
  readonly kind: "service" | "person" | "function" | "trigger" | "server";
  readonly id: string;
  readonly displayName: string;
  /** The credential, the session of a person, or the function: whose requests are counted together. */
  readonly clientId: string;
  readonly access: Access;
  /** The invocation that calls; undefined for other callers. */
  readonly invocation?: CallingInvocation;
  /**
   * True if the access token of the call is bound to a key (RFC 9449): what it makes for its own principal must need
   * proofs, too. What it makes for other principals is administration, with all rights that this needs.
   */
  readonly isBound?: true;
  /** Claims of the workload's own token, which the trust passes on; undefined for other callers. */
  readonly claims?: Readonly<Record<string, string>> | undefined;
}

/** The principal of what the server does by itself. Nothing checks its rights. */
export const SERVER: Principal = {
  kind: "server",
  id: "server",
  displayName: "invoked",
  clientId: "server",
  access: NO_ACCESS,
};

/** The id of the operation that lists service principals: who may call it sees all custom roles, too. */
export const LIST_PRINCIPALS = "c1.api.service_principal.v1.ServicePrincipalService.List";

/** An operation whose permission a caller needs. */
interface Guarded {
  readonly operationId: string;
  readonly group: PermissionGroup;
}

/** The permission to run a function. Endpoints need it, and settings that let another function run this one. */
export const MAY_INVOKE = {
  operationId: "c1.api.functions.v1.FunctionsService.Invoke",
  group: "functions:invoke",
} as const satisfies Guarded;

const MAY_READ = {
  operationId: "c1.api.functions.v1.FunctionsService.GetFunction",
  group: "functions:read",
} as const satisfies Guarded;

/** The permission to see a volume. Requests that attach a volume to a function need it. */
export const MAY_READ_VOLUME = {
  operationId: "invoked.VolumeService.GetVolume",
  group: "volumes:read",
} as const satisfies Guarded;

/**
 * The permission to act at a tenant with its credentials. Settings that let a function call the tenant need it, too: the
 * function then acts there for everybody who may invoke or change it.
 */
export const MAY_USE_TENANT = {
  operationId: "invoked.TenantService.Check",
  group: "tenants:write",
} as const satisfies Guarded;

/**
 * Checks that the caller has the permission of an operation, for a function if the call concerns one.
 * @throws ROLE_MISSING
 */
export function requirePermission(
  by: Principal,
  { operationId, group }: Guarded,
  functionId?: string,
): void {
  if (by.access.may(operationId, functionId)) return;
  const isNarrowed = by.access.mayAny(operationId);
  const roles = rolesWith(group).map(({ name }) => name).join(" or ");
  const why = !isNarrowed
    ? `the operation needs the role ${roles}, or a role with this permission`
    : functionId === undefined
    ? "its roles count for named functions only, and the call concerns no single function"
    : `its roles do not count for function ${JSON.stringify(functionId)}`;
  throw new DomainError(
    "ROLE_MISSING",
    `${by.displayName} may not call ${operationId}: ${why}${wayOut(by)}`,
  );
}

function wayOut({ kind, access, invocation }: Principal): string {
  if (invocation !== undefined) {
    return "; bind the function to a service principal with the role, or add the role to its scopedRoleIds";
  }
  const isNew = kind === "person" && access.roleIds.length === 0;
  return isNew
    ? "; neither an owner nor a group of the provider has given this person a role yet"
    : "";
}

/** The id of a function for an error: undefined if the caller may not see the function. */
export function shownId({ access }: Principal, functionId: string): string | undefined {
  return access.may(MAY_READ.operationId, functionId) ? functionId : undefined;
}

/**
 * Checks that a caller can have clients: the owner on the server's host is in no table.
 * @throws PRINCIPAL_NOT_FOUND
 */
export function assertHasClients({ kind, displayName }: Principal): void {
  if (kind !== "server") return;
  throw new DomainError(
    "PRINCIPAL_NOT_FOUND",
    `${displayName} has no clients: create a service principal with a credential, or make a person an owner`,
  );
}

/** The error of a request with the token of a client that may not be used. */
export function clientGone(): DomainError {
  return new DomainError(
    "TOKEN_INVALID",
    "Access token invalid: its client or principal was deleted or is disabled, or the client has expired",
  );
}
