/** Rules of giving rights: nobody gives away what they lack, and one owner is left. */
import type { IdentityReader, PrincipalRow } from "../../store/identity.ts";
import { DomainError, invalid } from "../errors.ts";
import type { LiveClients } from "./live_clients.ts";
import type { Principal } from "./principal.ts";
import { OWNER } from "./roles.ts";

type Reader = Pick<IdentityReader, "roles" | "principal" | "principalsWithRole">;

/**
 * Checks roles that a request gives to somebody: they exist, and grant nothing that the caller lacks.
 * @param field of the request that names the roles
 * @throws INVALID_FIELD, ROLE_MISSING
 */
export async function assertMayGive(
  liveClients: LiveClients,
  identity: Reader,
  by: Principal,
  roleIds: readonly string[],
  field: string,
): Promise<void> {
  const grants = await liveClients.grantsOf(identity, roleIds);
  const known = new Set(grants.map(({ roleId }) => roleId));
  const unknown = roleIds.findIndex((id) => !known.has(id));
  if (unknown >= 0) {
    const description = `${JSON.stringify(roleIds[unknown])} is not a role of this server`;
    throw invalid({ field: `${field}[${unknown}]`, description });
  }
  const exceeding = grants.find((grant) => !by.access.covers([grant]));
  if (exceeding === undefined) return;
  throw new DomainError(
    "ROLE_MISSING",
    `${by.displayName} may not give role ${exceeding.roleId}: the role grants rights that ${by.displayName} lacks`,
  );
}

/**
 * Checks that the caller has every right of a principal: who acts for a principal, such as with a new credential, gets
 * all of them, and who ends its sessions or credentials keeps it from using them.
 * @param what the caller wants to do, for the message
 * @throws ROLE_MISSING
 */
export async function assertCoversPrincipal(
  liveClients: LiveClients,
  identity: Reader,
  by: Principal,
  principalId: string,
  what: string,
): Promise<void> {
  const { hostOwner } = liveClients;
  const row = principalId === hostOwner.id
    ? { displayName: hostOwner.displayName, roles: JSON.stringify([OWNER.id]), groupRoles: "[]" }
    : (await identity.principal(principalId))?.principal;
  if (row === undefined) return;
  // Roles of groups count here whenever they were confirmed: the next sign-in may bring them back.
  const ids = [row.roles, row.groupRoles].flatMap((list) => JSON.parse(list) as string[]);
  if (by.access.covers(await liveClients.grantsOf(identity, ids))) return;
  throw new DomainError(
    "ROLE_MISSING",
    `${by.displayName} may not ${what}: ${row.displayName} has rights that ${by.displayName} lacks`,
  );
}

/**
 * Whether a principal is an owner who stays one: an owner has given the role, and the principal is not disabled. Owners by
 * their groups do not count: the provider can take their role at any time, without a question to this server.
 */
export function isLastingOwner({ roles, disabled }: PrincipalRow): boolean {
  return disabled === 0 && (JSON.parse(roles) as string[]).includes(OWNER.id);
}

/**
 * Checks, after a change and in its transaction, that a lasting owner is left. The write holds `locks.owners`, so of two
 * changes at once the second sees the first.
 * @throws LAST_OWNER
 */
export async function assertOwnerLeft(identity: Reader): Promise<void> {
  const owners = await identity.principalsWithRole(OWNER.id);
  if (owners.some(isLastingOwner)) return;
  throw new DomainError(
    "LAST_OWNER",
    "The change was rejected: it would leave no enabled principal with an assigned role system:owner, and roles of groups " +
      "do not count; give the role to another principal first",
  );
}
