/** Who calls: principals, what their roles permit, and the clients that may be used. */
import type { InvocationContext } from "../../engine/contract.ts";
import { DomainError } from "../errors.ts";
import type { ClientRow } from "../../store/identity.ts";

/** What an operation needs of its caller: to read, to run functions and cancel their calls, or to change things. */
export type Permission = "read" | "invoke" | "write";

/** The permissions of each role, by its id. */
const PERMISSIONS_OF_ROLE = {
  reader: ["read"],
  invoker: ["read", "invoke"],
  administrator: ["read", "invoke", "write"],
} as const satisfies Record<string, readonly Permission[]>;

export type Role = keyof typeof PERMISSIONS_OF_ROLE;
/** The ids of all roles, from the least to the most. */
export const ROLES = Object.keys(PERMISSIONS_OF_ROLE) as readonly Role[];

export function isRole(id: string): id is Role {
  return Object.hasOwn(PERMISSIONS_OF_ROLE, id);
}

/** The running invocation that makes a call and waits for it. */
interface CallingInvocation extends InvocationContext {
  /** Aborts when it ends; what it waits for is then cancelled. */
  readonly signal: AbortSignal;
}

/** Who is calling: a service principal, named by its access token, or a function, named by its running invocation. */
export interface Principal {
  readonly id: string;
  readonly displayName: string;
  /** The credential, or the function: whose requests are counted together. */
  readonly clientId: string;
  /** Ids of roles; an unknown one gives no permission. */
  readonly roles: readonly string[];
  /** The invocation that calls; undefined for a service principal. */
  readonly invocation?: CallingInvocation;
}

/** The roles that have a permission, from the least to the most. */
export function rolesWith(permission: Permission): readonly Role[] {
  return ROLES.filter((role) => allows(role, permission));
}

/** The most of the roles whose permissions some of the first roles and some of the second ones have, too. */
function rolesWithin(first: readonly string[], second: readonly string[]): Role[] {
  const have = (roles: readonly string[], permission: Permission) =>
    roles.some((role) => isRole(role) && allows(role, permission));
  return ROLES.filter((role) =>
    PERMISSIONS_OF_ROLE[role].every((one) => have(first, one) && have(second, one))
  ).slice(-1);
}

/** @throws ROLE_MISSING if no role of the principal has the permission */
export function requirePermission(
  by: Principal,
  permission: Permission,
  operationId: string,
): void {
  if (by.roles.some((role) => isRole(role) && allows(role, permission))) return;
  const hint = by.invocation === undefined ? "" : "; add one to the function's scopedRoleIds";
  throw new DomainError(
    "ROLE_MISSING",
    `${by.displayName} may not call ${operationId}: the operation needs the role ` +
      `${rolesWith(permission).join(" or ")}${hint}`,
  );
}

function allows(role: Role, permission: Permission): boolean {
  const permissions: readonly Permission[] = PERMISSIONS_OF_ROLE[role];
  return permissions.includes(permission);
}

/** A client that may be used. */
export interface LiveClient {
  readonly principal: Principal;
  /** When it expires; Infinity for never. */
  readonly expiresAtMs: number;
}

/** A client that may be used; undefined for one that was deleted, is disabled or has expired. */
export function liveClientOf(row: ClientRow): LiveClient | undefined {
  const expiresAtMs = row.expiresAt === null ? Infinity : Date.parse(row.expiresAt);
  if (row.deletedAt !== null || row.disabled === 1 || Date.now() >= expiresAtMs) return undefined;
  const roles = JSON.parse(row.roles) as string[];
  const scopedRoles = JSON.parse(row.scopedRoles) as string[];
  return {
    principal: {
      id: row.principalId,
      displayName: row.displayName,
      clientId: row.clientId,
      roles: scopedRoles.length === 0 ? roles : rolesWithin(roles, scopedRoles),
    },
    expiresAtMs,
  };
}

/** Whether a client may do everything. */
export function isAdministrator(row: ClientRow): boolean {
  return liveClientOf(row)?.principal.roles.includes("administrator") ?? false;
}

/** The error of a request with the token of a client that may not be used. */
export function clientGone(): DomainError {
  return new DomainError(
    "TOKEN_INVALID",
    "Access token invalid: its client was deleted, is disabled or has expired",
  );
}
