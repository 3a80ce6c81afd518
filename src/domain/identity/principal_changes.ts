/** Changes of principals: one at a time, by callers who have every right of the principal, and never of the last owner. */
import type { PrincipalRow } from "../../store/identity.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { DomainError, notFound } from "../errors.ts";
import { locks } from "../locks.ts";
import type { LiveClients } from "./live_clients.ts";
import type { Principal } from "./principal.ts";
import { assertCoversPrincipal, assertOwnerLeft, isLastingOwner } from "./rights.ts";

type ReadIdentity = Pick<Store["read"], "identity">;

/** What a change of a principal is. */
interface PrincipalChange {
  readonly by: Principal;
  readonly kind: PrincipalRow["kind"];
  readonly id: string;
  /** For the error of callers who lack rights, such as `disable`. */
  readonly verb: string;
  /** Ids of the roles that the change gives: none of them is deleted meanwhile. */
  readonly roleIds?: readonly string[];
  /** The columns that change. */
  readonly columns: (tx: Writers, now: string) => Promise<Partial<PrincipalRow>>;
}

/**
 * Changes a principal in one transaction, in one order with all other changes of owners.
 * @returns the principal after the change
 * @throws PRINCIPAL_NOT_FOUND, ROLE_MISSING, LAST_OWNER, and what `columns` throws
 */
export async function changePrincipal(
  store: Store,
  liveClients: LiveClients,
  { by, kind, id, verb, roleIds = [], columns }: PrincipalChange,
): Promise<PrincipalRow> {
  const held = [locks.owners, locks.ofPrincipal(id), ...roleIds.map(locks.ofRole)];
  return await store.writeLocked(held, async (tx) => {
    const before = await PRINCIPALS[kind](tx, id);
    const what = `${verb} ${before.displayName}`;
    await assertCoversPrincipal(liveClients, tx.identity, by, id, what);
    const now = new Date().toISOString();
    tx.audit.keepEarlier("principals", before);
    await tx.identity.updatePrincipal(id, { updatedAt: now, ...await columns(tx, now) });
    if (isLastingOwner(before)) await assertOwnerLeft(tx.identity);
    return (await tx.identity.principal(id))?.principal ?? before;
  });
}

/** What a change of the credentials of a principal is. */
interface CredentialWrite {
  readonly by: Principal;
  readonly principalId: string;
  /** For the error of callers who lack rights, such as `revoke a credential`. */
  readonly what: string;
  /** Locks besides that of the principal. */
  readonly held: readonly string[];
}

/**
 * Changes credentials, or trusts, of a service principal in one transaction. Whoever has a credential, or chooses what it is
 * checked by, acts as the principal, so the caller needs every right of the principal.
 * @throws PRINCIPAL_NOT_FOUND, ROLE_MISSING, and what `change` throws
 */
export async function writeCredentials<Result>(
  store: Store,
  liveClients: LiveClients,
  { by, principalId, what, held }: CredentialWrite,
  change: (tx: Writers) => Promise<Result>,
): Promise<Result> {
  return await store.writeLocked([locks.ofPrincipal(principalId), ...held], async (tx) => {
    const { displayName } = await servicePrincipal(tx, principalId);
    const named = `${what} of ${displayName}`;
    await assertCoversPrincipal(liveClients, tx.identity, by, principalId, named);
    return await change(tx);
  });
}

/** A service principal that is not deleted. @throws PRINCIPAL_NOT_FOUND */
export async function servicePrincipal(read: ReadIdentity, id: string): Promise<PrincipalRow> {
  const row = await existing(read, id, "Service principal");
  if (row.kind === "service") return row;
  throw new DomainError(
    "PRINCIPAL_NOT_FOUND",
    `${JSON.stringify(id)} is a person, not a service principal: use /api/v1/users/${id}`,
  );
}

/** A person who is not deleted. @throws PRINCIPAL_NOT_FOUND */
async function person(read: ReadIdentity, id: string): Promise<PrincipalRow> {
  const row = await existing(read, id, "User");
  if (row.kind === "person") return row;
  throw new DomainError(
    "PRINCIPAL_NOT_FOUND",
    `${
      JSON.stringify(id)
    } is a service principal, not a person: use /api/v1/service_principals/${id}`,
  );
}

const PRINCIPALS = { service: servicePrincipal, person } as const;

async function existing(
  { identity }: ReadIdentity,
  id: string,
  what: string,
): Promise<PrincipalRow> {
  const row = (await identity.principal(id))?.principal;
  if (row !== undefined && row.deletedAt === null) return row;
  const why = row === undefined ? "does not exist" : "was deleted";
  throw notFound("PRINCIPAL_NOT_FOUND", what, id, why);
}
