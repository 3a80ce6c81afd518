/** Rotation of the master key while the server is stopped. */
import type { AuditEntry } from "../store/audit.ts";
import type { Store } from "../store/mod.ts";
import type { Sealer } from "../store/sealing.ts";
import { entryOf } from "./audit/ocsf.ts";
import { Ids } from "./ids.ts";
import { locks } from "./locks.ts";
import { serverKeyContext } from "./identity/server_keys.ts";
import { secretContext } from "./functions/secrets.ts";
import { destinationSecretContext } from "./functions/destinations.ts";
import { providerTokensContext } from "./sessions/confirmations.ts";
import { tenantSecretContext } from "./tenants/tenants.ts";
import { triggerSecretContext, verifyTokenContext } from "./triggers/secrets.ts";

/** How many values were sealed again. */
export interface Resealed {
  readonly secrets: number;
  readonly serverKeys: number;
}

/**
 * Seals every secret and server key again, all of them in one transaction or none.
 * @param from opens every value; a value that it does not open aborts the rotation
 * @param to seals them
 */
export async function resealAll(store: Store, from: Sealer, to: Sealer): Promise<Resealed> {
  return await store.writeLocked([locks.auditChain], async (tx) => {
    let secrets = 0;
    for (const functionId of await tx.functions.withSecrets()) {
      for (const { name, sealed } of await tx.functions.secrets(functionId)) {
        const context = secretContext(functionId, name);
        await tx.functions.putSecret(
          functionId,
          name,
          to.seal(from.open(sealed, context), context),
        );
        secrets++;
      }
    }
    const reseal = (sealed: Uint8Array | null, context: string) =>
      sealed === null ? null : to.seal(from.open(sealed, context), context);
    for (const trigger of await tx.triggers.withSecrets()) {
      const { id, sealedSecret, sealedOldSecret, sealedVerifyToken } = trigger;
      const context = triggerSecretContext(id);
      await tx.triggers.update(id, {
        sealedSecret: reseal(sealedSecret, context),
        sealedOldSecret: reseal(sealedOldSecret, context),
        sealedVerifyToken: reseal(sealedVerifyToken, verifyTokenContext(id)),
      });
      secrets++;
    }
    for (const { functionId, event, sealed } of await tx.functions.destinationSecrets()) {
      const context = destinationSecretContext(functionId, event);
      const again = to.seal(from.open(sealed, context), context);
      await tx.functions.putDestinationSecret({ functionId, event, sealed: again });
      secrets++;
    }
    for (const { sessionId, sealedTokens } of await tx.consoleSessions.confirmations()) {
      const context = providerTokensContext(sessionId);
      const again = to.seal(from.open(sealedTokens, context), context);
      await tx.consoleSessions.updateConfirmation(sessionId, { sealedTokens: again });
      secrets++;
    }
    for (const { id, tenantId, sealedSecret } of await tx.tenants.allCredentials()) {
      const context = tenantSecretContext(tenantId, id);
      const again = to.seal(from.open(sealedSecret, context), context);
      await tx.tenants.updateCredential(id, { sealedSecret: again });
      secrets++;
    }
    const keys = await tx.identity.allKeys();
    for (const key of keys) {
      const context = serverKeyContext(key);
      await tx.identity.resealKey(key.id, to.seal(from.open(key.sealed, context), context));
    }
    await tx.audit.append(rotationEntry());
    return { secrets, serverKeys: keys.length };
  });
}

function rotationEntry(): AuditEntry {
  const { id: uid, time } = new Ids().nextWithTime();
  return entryOf({
    kind: "call",
    operation: "invoked.MasterKey.Rotate",
    activity: "update",
    actor: undefined,
    resources: [{ type: "master_key", name: "master key", change: "updated" }],
  }, { uid, time, source: { service: "command line" } });
}
