/** How many credentials a principal has: whoever may make some for itself must not fill the database with them. */
import type { IdentityReader } from "../../store/identity.ts";
import { DomainError } from "../errors.ts";

/** Credentials of one principal that have not ended, of every kind: clients, API keys, trusts and devices. */
const CREDENTIALS_MAX = 100;

/**
 * Checks that a principal may get another credential. The write holds `locks.ofPrincipal`, so of two requests at once the
 * second sees the credential of the first.
 * @throws CREDENTIAL_LIMIT
 */
export async function assertBelowCredentialLimit(
  identity: Pick<IdentityReader, "countCredentials" | "principal">,
  principalId: string,
): Promise<void> {
  const count = await identity.countCredentials(principalId, new Date().toISOString());
  if (count < CREDENTIALS_MAX) return;
  const name = (await identity.principal(principalId))?.principal.displayName ?? principalId;
  throw new DomainError(
    "CREDENTIAL_LIMIT",
    `Credential not created: ${name} has ${count} credentials and clients, and a principal may have at most ` +
      `${CREDENTIALS_MAX}; delete those that nobody uses`,
  );
}
