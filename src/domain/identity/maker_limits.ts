/** The limits that a client takes from the credential that makes it, so that no credential outlives or evades its own. */
import { Networks } from "../../shared/networks.ts";
import type { CredentialRow, IdentityReader } from "../../store/identity.ts";
import { type FieldViolation, invalid } from "../errors.ts";
import type { Access } from "./access.ts";
import type { LiveClients } from "./live_clients.ts";
import type { Principal } from "./principal.ts";

/** What limits a credential besides its roles. */
export interface MakerLimits {
  /** RFC 3339; null for a credential that does not expire. */
  readonly expiresAt: string | null;
  /** Networks in CIDR notation; empty for all. */
  readonly allowSourceCidrs: readonly string[];
  readonly requireDpop: number;
}

/** Of a session of a person, and of a device that a person approved: their clients live on without them. */
export const NO_LIMITS: MakerLimits = { expiresAt: null, allowSourceCidrs: [], requireDpop: 0 };

/** Who approved a device, as they are now. */
interface Approver {
  readonly principal: Principal;
  /** What the device, and the clients that it makes, may get. */
  readonly givable: Access;
  /** What limits them, in place of the limits of the device: it ends soon, but what it makes lives on. */
  readonly limits: MakerLimits;
}

/**
 * Who approved a device: the client of the session, or the person.
 * @returns undefined if the client or the principal may not act any more
 */
export async function approverOf(
  identity: Pick<IdentityReader, "client" | "principal">,
  liveClients: Pick<LiveClients, "of" | "principal">,
  { approverClientId, principalId }: Pick<CredentialRow, "approverClientId" | "principalId">,
): Promise<Approver | undefined> {
  if (approverClientId === null) {
    const person = liveClients.principal(await identity.principal(principalId), principalId);
    return person && { principal: person, givable: person.access, limits: NO_LIMITS };
  }
  const row = await identity.client(approverClientId);
  const client = liveClients.of(row);
  if (row === undefined || client === undefined) return undefined;
  const { principal, givable } = client;
  return { principal, givable, limits: ownLimits(row.credential) };
}

/** What limits a credential, and the clients that it makes by itself. */
export function ownLimits(
  { expiresAt, allowSourceCidrs, requireDpop }: CredentialRow,
): MakerLimits {
  return { expiresAt, allowSourceCidrs: JSON.parse(allowSourceCidrs) as string[], requireDpop };
}

/**
 * Checks that a token that is bound to a key (DPoP) does not leave its key behind: whoever steals the token and the proofs
 * that a client is about to send could otherwise make itself a credential of the same principal that needs no proofs.
 * @param violation that a credential without proofs is for such a token, without the reason
 * @throws INVALID_FIELD if the principal is the caller's own, and the token of the call is bound
 */
export function assertKeepsKey(
  { id, isBound }: Principal,
  principalId: string,
  { field, description }: FieldViolation,
): void {
  if (isBound !== true || id !== principalId) return;
  const why = "the access token of this request is bound to a key (DPoP), and what it makes for " +
    "its own principal must need proofs, too";
  throw invalid({ field, description: `${description}: ${why}` });
}

/** The earlier end of two. @param ends RFC 3339; null for no end */
export function earliest(...ends: readonly (string | null)[]): string | null {
  const known = ends.filter((end) => end !== null);
  return known.toSorted((a, b) => Date.parse(a) - Date.parse(b))[0] ?? null;
}

/**
 * The networks of a client: those of its maker unless the request asks for others, which lie within them.
 * @param asked in CIDR notation; empty for all that the maker has
 * @param field of the request that names the networks
 * @throws INVALID_FIELD
 */
export function networksWithin(
  { allowSourceCidrs: own }: MakerLimits,
  asked: readonly string[],
  field: string,
): readonly string[] {
  if (own.length === 0) return asked;
  const networks = new Networks(own);
  const outside = asked.findIndex((network) => !networks.includes(network));
  if (outside < 0) return asked.length === 0 ? own : asked;
  throw invalid({
    field: `${field}[${outside}]`,
    description:
      `${JSON.stringify(asked[outside])} is not within the networks of the client that makes ` +
      `the request: ${own.join(", ")}`,
  });
}
