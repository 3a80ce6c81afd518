/** Errors of credentials that were proved and rejected all the same: the audit log names whose credential it was. */
import type { ClientRow } from "../../store/identity.ts";
import { AuditableError, type Holder } from "../errors.ts";
import type { Principal } from "./principal.ts";

/** The holder of a credential, whether it may be used or not. */
export function holderOf({ credential, principal }: ClientRow): Holder {
  const { id, kind, displayName } = principal;
  return {
    id,
    kind,
    name: credential.displayName || displayName,
    clientId: credential.clientId,
  };
}

/** The holder that acts as a principal. */
export function holderAs(
  { id, kind, displayName: name, clientId }: Pick<
    Principal,
    "id" | "kind" | "displayName" | "clientId"
  >,
): Holder {
  return { id, kind, name, clientId };
}

/** The same error, which names the holder. @param holder undefined if the credential is not proved */
export function rejectedFor<E>(error: E, holder: Holder | undefined): E {
  if (error instanceof AuditableError) error.holder ??= holder;
  return error;
}

/**
 * Runs what checks a proved credential. Its errors name the holder.
 * @param holder undefined if no credential is proved
 */
export async function checkedFor<T>(
  holder: Holder | undefined,
  check: () => Promise<T> | T,
): Promise<T> {
  try {
    return await check();
  } catch (error) {
    throw rejectedFor(error, holder);
  }
}
