import type { InvocationContext } from "../../engine/contract.ts";
import { DomainError } from "../errors.ts";

/** What an operation of the API needs: to look, to run functions and cancel their calls, or to change things. */
export type Permission = "read" | "invoke" | "write";

/** Roles by id, each with its rights. */
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
export interface CallingInvocation extends InvocationContext {
  /** Aborts when it ends; what it waits for is then cancelled. */
  readonly signal: AbortSignal;
}

/** Who is calling: a service principal, as its access token tells, or a function, by a running invocation. */
export interface Principal {
  readonly id: string;
  readonly displayName: string;
  /** The credential, or the function: whose requests are counted together. */
  readonly clientId: string;
  /** Ids of roles; one that is none counts for nothing. */
  readonly roles: readonly string[];
  /** The invocation that calls; undefined for a service principal. */
  readonly invocation?: CallingInvocation;
}

/** @throws ROLE_MISSING where no role of the principal has the right */
export function requirePermission(by: Principal, right: Permission, operation: string): void {
  if (by.roles.some((role) => isRole(role) && allows(role, right))) return;
  const needed = ROLES.filter((role) => allows(role, right)).join(" or ");
  const remedy = by.invocation === undefined
    ? ""
    : ": add it to the function's scopedRoleIds if it shall have that right";
  throw new DomainError(
    "ROLE_MISSING",
    `${by.displayName} may not call ${operation}, which needs the role ${needed}${remedy}`,
  );
}

function allows(role: Role, right: Permission): boolean {
  const rights: readonly Permission[] = PERMISSIONS_OF_ROLE[role];
  return rights.includes(right);
}
