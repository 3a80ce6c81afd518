import type { ClientRow } from "../../store/identity.ts";
import { DomainError } from "../errors.ts";
import { type Principal, rolesWithin } from "./principal.ts";

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
