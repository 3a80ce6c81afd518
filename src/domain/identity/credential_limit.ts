/** How many credentials a principal has: whoever may make some for itself must not fill the database with them. */
import type { IdentityReader } from "../../store/identity.ts";
import { DomainError } from "../errors.ts";
import { isSelfMade } from "./credentials.ts";

/**
 * What a principal may have that has not ended. The two limits are apart, so that no client of few rights uses up what
 * owners need for its principal.
 */
const CREDENTIAL_LIMITS = {
  selfMade: { max: 100, what: "personal clients and devices" },
  managed: { max: 100, what: "secrets, API keys and trusts" },
} as const;

/**
 * Checks that a principal may get another credential. The write holds `locks.ofPrincipal`, so of two requests at once the
 * second sees the credential of the first.
 * @param which of the limits counts: that of what the principal makes for itself, or of what owners manage
 * @throws CREDENTIAL_LIMIT
 */
export async function assertBelowCredentialLimit(
  identity: Pick<IdentityReader, "openCredentials" | "principal">,
  principalId: string,
  which: keyof typeof CREDENTIAL_LIMITS,
): Promise<void> {
  const { max, what } = CREDENTIAL_LIMITS[which];
  const open = await identity.openCredentials(principalId, new Date().toISOString());
  const count = open.filter((one) => isSelfMade(one) === (which === "selfMade")).length;
  if (count < max) return;
  const name = (await identity.principal(principalId))?.principal.displayName ?? principalId;
  throw new DomainError(
    "CREDENTIAL_LIMIT",
    `Credential not created: ${name} has ${count} ${what}, and a principal may have at most ${max}; ` +
      "delete the credentials that nobody uses",
  );
}
