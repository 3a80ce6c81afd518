import { getLogger } from "@logtape/logtape";
import type { Store } from "../../store/mod.ts";
import type { Audit } from "../audit/audit.ts";
import { locks } from "../locks.ts";
import { SERVER } from "./principal.ts";

const logger = getLogger(["invoked", "identity"]);

/** How long a credential is kept after it expired or was deleted. */
const ENDED_KEPT_MS = 30 * 24 * 60 * 60 * 1000;
/** Credentials that one transaction erases: as many as its event names. */
const BATCH = 100;

/**
 * Erases credentials that ended long ago, and records which ones in the same transactions.
 * @param nowMs milliseconds since 1970
 */
export async function eraseEndedCredentials(
  store: Pick<Store, "write">,
  audit: Pick<Audit, "entry">,
  nowMs: number,
): Promise<void> {
  const before = new Date(nowMs - ENDED_KEPT_MS).toISOString();
  for (let count = BATCH; count === BATCH;) {
    count = await store.write(
      async (tx) => {
        const erased = await tx.identity.eraseEndedCredentials(before, BATCH);
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
          facts: { ended_before: before },
        }, {}));
        return erased.length;
      },
      "durable",
      [locks.auditChain],
    );
    if (count > 0) logger.info("{count} credentials were erased that had ended", { count });
  }
}
