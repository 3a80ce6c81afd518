/**
 * What ends for good, in the same transaction, when a client or a principal is disabled or deleted: what began by it, and
 * must not come back once it is enabled again.
 */
import type { CredentialRow } from "../../store/identity.ts";
import type { Writers } from "../../store/mod.ts";

type EndingWriters = Pick<Writers, "consoleSessions" | "deviceCodes" | "identity">;

/** Ends the sessions of a client, and the devices that they approved. The write holds `locks.ofPrincipal`. */
export async function endSessionsOfClient(
  { consoleSessions, deviceCodes, identity }: EndingWriters,
  { principalId, clientId }: Pick<CredentialRow, "principalId" | "clientId">,
): Promise<void> {
  await consoleSessions.deleteOfClient(principalId, clientId);
  // Denied, and not deleted: the device learns why it gets no token (`access_denied`, RFC 8628, section 3.5).
  await deviceCodes.denyOfClient(clientId);
  await identity.deleteDevicesOf(principalId, clientId, new Date().toISOString());
}

/**
 * Ends the sessions of a principal, and the approvals that no device has redeemed. The write holds `locks.ofPrincipal`.
 * Credentials of the principal, also of devices, do not work while it is disabled.
 */
export async function endSessionsOfPrincipal(
  { consoleSessions, deviceCodes }: EndingWriters,
  principalId: string,
): Promise<void> {
  await consoleSessions.deleteOfPrincipal(principalId);
  await deviceCodes.denyOfPrincipal(principalId);
}
