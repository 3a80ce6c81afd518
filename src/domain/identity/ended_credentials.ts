import type { Store } from "../../store/mod.ts";
import type { Audit } from "../audit/audit.ts";
import { locks } from "../locks.ts";
import { before, type ExpiredOfKind } from "../retention/kinds.ts";
import { inSteps } from "../retention/steps.ts";
import { SERVER } from "./principal.ts";

/** How long a credential is kept after it expired or was deleted. */
const ENDED_KEPT_MS = 30 * 24 * 60 * 60 * 1000;
/** Credentials that one transaction erases: as many as its event names. */
const BATCH = 100;

/** The credentials that {@link eraseEndedCredentials} would erase at a time, in milliseconds since 1970. */
export async function endedCredentials(
  { read }: Pick<Store, "read">,
  nowMs: number,
): Promise<ExpiredOfKind> {
  const time = before(nowMs, ENDED_KEPT_MS);
  const ended = await read.identity.endedCredentials(time, new Date(nowMs).toISOString());
  return { kind: "credentials", setting: "30 d after their expiry or deletion", ...ended };
}

/**
 * Erases credentials that ended long ago, and records which ones in the same transactions.
 * @param nowMs milliseconds since 1970
 * @param signal ends it after the transaction under way
 * @returns how many were erased
 */
export async function eraseEndedCredentials(
  store: Pick<Store, "writeLocked">,
  audit: Pick<Audit, "entry">,
  nowMs: number,
  signal: AbortSignal,
): Promise<number> {
  const time = before(nowMs, ENDED_KEPT_MS);
  let total = 0;
  await inSteps(async () => {
    const count = await store.writeLocked([locks.auditChain], async (tx) => {
      const erased = await tx.identity.eraseEndedCredentials(time, BATCH);
      if (erased.length === 0) return 0;
      await tx.audit.append(audit.entry({
        kind: "call",
        operation: "invoked.Server.EraseEndedCredentials",
        activity: "delete",
        actor: SERVER,
        resources: erased.map(({ id, displayName, principalId }) => ({
          type: "credential",
          id,
          name: displayName || undefined,
          namespace: principalId,
          change: "deleted",
        })),
        facts: { ended_before: time },
      }, {}));
      return erased.length;
    });
    total += count;
    return count === BATCH;
  }, signal);
  return total;
}
