/** The roles of new credentials of a principal, which never exceed the rights of their giver. */
import type { IdentityReader } from "../../store/identity.ts";
import { DomainError, invalid } from "../errors.ts";
import type { Access, Grant } from "./access.ts";
import type { LiveClients } from "./live_clients.ts";
import { assertHasClients, clientGone, type Principal } from "./principal.ts";

interface Giving {
  readonly liveClients: LiveClients;
  readonly identity: Pick<IdentityReader, "roles" | "principal">;
  /** Whose credential it is, and who gives it. */
  readonly by: Principal;
  /** What the giver may give. */
  readonly givable: Access;
  /** Ids of the roles that are asked for; empty for all roles of the principal. */
  readonly asked: readonly string[];
  /** The field of the request that names the roles. */
  readonly field: string;
}

/**
 * The ids of the roles that a new credential gets. A giver whose rights nothing cuts may name any role, because a
 * credential allows only what its principal may do, too. Any other giver gives what it has itself: of the roles that are
 * asked for those, or all of its own roles. That holds, too, while the cut leaves all rights of the principal: once the
 * principal gets further roles, the new credential has no more of them than its giver.
 * @throws INVALID_FIELD for an unknown role, ROLE_MISSING if no role is left, TOKEN_INVALID if the principal is gone
 */
export async function rolesToGive(
  { liveClients, identity, by, givable, asked, field }: Giving,
): Promise<readonly string[]> {
  assertHasClients(by);
  const grants = await liveClients.grantsOf(identity, asked);
  const unknown = asked.findIndex((id) => !grants.some(({ roleId }) => roleId === id));
  if (unknown >= 0) {
    const description = `${JSON.stringify(asked[unknown])} is not a role of this server`;
    throw invalid({ field: `${field}[${unknown}]`, description });
  }
  const principal = liveClients.principal(await identity.principal(by.id), by.clientId);
  if (principal === undefined) throw clientGone();
  const hasAll = givable.includes(principal.access);
  if (hasAll && !givable.isCut) return asked;
  // The roles of a giver with all rights of the principal may be named, too, where they allow more than the principal may.
  const mayGive = (grant: Grant) =>
    givable.covers([grant]) || (hasAll && givable.namedRoleIds.has(grant.roleId));
  const given = asked.length === 0
    ? givable.roleIds
    : grants.filter(mayGive).map(({ roleId }) => roleId);
  if (given.length > 0) return given;
  throw new DomainError(
    "ROLE_MISSING",
    `${by.displayName} may not give these roles: the roles grant rights that ${by.displayName} lacks`,
  );
}
